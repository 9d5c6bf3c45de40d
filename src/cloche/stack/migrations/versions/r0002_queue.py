"""The queue: a small hot table, its history, and what it has to publish."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0002", "0001"
upgrade = sql_upgrade("0002_queue")
