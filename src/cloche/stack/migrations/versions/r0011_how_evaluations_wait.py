"""A rerun waits as the first did."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0011", "0010"
upgrade = sql_upgrade("0011_how_evaluations_wait")
