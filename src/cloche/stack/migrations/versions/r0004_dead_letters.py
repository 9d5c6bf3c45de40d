"""What a task went through, and dead letters that are dealt with."""

from cloche.stack.migrate import sql_upgrade

revision, down_revision = "0004", "0003"
upgrade = sql_upgrade("0004_dead_letters")
