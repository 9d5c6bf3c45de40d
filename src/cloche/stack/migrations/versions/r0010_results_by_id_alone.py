"""Results are found by their id in one way only."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0010", "0009"
upgrade = sql_upgrade("0010_results_by_id_alone")
