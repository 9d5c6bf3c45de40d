"""The command line starts without what only a few commands need."""

import subprocess
import sys


def test_no_library_of_databases_is_loaded_at_the_start() -> None:
    program = "import sys, cloche.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "typer" in loaded
    assert not {"alembic", "sqlalchemy", "redis", "asyncpg", "fastapi"} & set(loaded)
