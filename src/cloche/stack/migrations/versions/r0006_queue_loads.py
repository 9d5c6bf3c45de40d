"""Counting a tenant's delayed tasks without reading them."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0006", "0005"
upgrade = sql_upgrade("0006_queue_loads")
