"""Old days of results go, once they have been read."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0005", "0004"
upgrade = sql_upgrade("0005_queue_retention")
