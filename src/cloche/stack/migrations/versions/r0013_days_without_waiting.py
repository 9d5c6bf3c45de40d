"""Days of results come and go without holding up who writes."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0013", "0012"
upgrade = sql_upgrade("0013_days_without_waiting")
