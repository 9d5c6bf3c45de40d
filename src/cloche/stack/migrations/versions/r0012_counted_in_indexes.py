"""Counting what waits, and deleting what is old, read indexes alone."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0012", "0011"
upgrade = sql_upgrade("0012_counted_in_indexes")
