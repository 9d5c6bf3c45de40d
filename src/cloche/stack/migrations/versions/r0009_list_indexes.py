"""Every filter of the list by an index of its own."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0009", "0008"
upgrade = sql_upgrade("0009_list_indexes")
