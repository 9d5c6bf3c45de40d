"""Batches, the problems they share, and what is counted of them."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0015", "0014"
upgrade = sql_upgrade("0015_batches")
