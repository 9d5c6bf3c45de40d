"""Who may end and remove batches."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0016", "0015"
upgrade = sql_upgrade("0016_batch_lifecycle")
