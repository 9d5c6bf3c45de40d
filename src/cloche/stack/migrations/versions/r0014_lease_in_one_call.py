"""A lease in one round trip."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0014", "0013"
upgrade = sql_upgrade("0014_lease_in_one_call")
