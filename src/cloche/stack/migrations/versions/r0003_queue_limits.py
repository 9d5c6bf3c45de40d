"""Limits of lanes and tenants, and tasks that wait for their time."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0003", "0002"
upgrade = sql_upgrade("0003_queue_limits")
