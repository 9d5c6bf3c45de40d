"""Retention of what was set aside."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0008", "0007"
upgrade = sql_upgrade("0008_retention")
