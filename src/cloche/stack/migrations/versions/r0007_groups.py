"""Idempotency-Keys of groups."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0007", "0006"
upgrade = sql_upgrade("0007_groups")
