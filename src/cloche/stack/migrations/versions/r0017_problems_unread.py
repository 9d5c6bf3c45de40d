"""The storage worker removes problems without reading them."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0017", "0016"
upgrade = sql_upgrade("0017_problems_unread")
