"""The record: what was submitted, how it went, what it wrote."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0001", None
upgrade = sql_upgrade("0001_record")
