"""Server programs are found in the promised order."""

from pathlib import Path

import pytest

from cloche.stack.binaries import find_postgres, find_valkey
from cloche.stack.spawn import StackError


def make_program(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_a_named_folder_excludes_all_others(tmp_path: Path) -> None:
    make_program(tmp_path / "postgres", "postgres (PostgreSQL) 16.4 (Debian)")
    make_program(tmp_path / "initdb", "")
    found = find_postgres(environ={"CLOCHE_PG_BIN": str(tmp_path)})
    assert (found.folder, found.version, found.major, found.source) == (tmp_path, "16.4", 16, "CLOCHE_PG_BIN")


@pytest.mark.parametrize("says", ["postgres (PostgreSQL) 14.9", "postgres (PostgreSQL) 19.0", "something else", ""])
def test_a_named_folder_without_a_usable_version_is_refused(tmp_path: Path, says: str) -> None:
    make_program(tmp_path / "postgres", says)
    make_program(tmp_path / "initdb", "")
    with pytest.raises(StackError, match="CLOCHE_PG_BIN"):
        find_postgres(environ={"CLOCHE_PG_BIN": str(tmp_path)})


def test_a_named_redis_must_be_new_enough(tmp_path: Path) -> None:
    old = make_program(tmp_path / "old", "Redis server v=6.2.14 sha=0")
    new = make_program(tmp_path / "new", "Redis server v=7.0.15 sha=0")
    with pytest.raises(StackError, match="CLOCHE_REDIS_BIN"):
        find_valkey({"CLOCHE_REDIS_BIN": str(old)})
    assert find_valkey({"CLOCHE_REDIS_BIN": str(new)}).version == "7.0.15"
