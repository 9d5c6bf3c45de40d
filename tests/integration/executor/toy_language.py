"""A language of our own in two versions, and TypeScript from the page's packages: tools that tests put on PATH."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

TOY = """
name = "toy"
title = "Toy"
source_file = "main.toy"
highlight = "text"
version = ["{tool}", "version"]
run = ["{tool}", "{entrypoint}"]
[host]
commands = ["toy", "toy-[0-9]"]
[self_test]
source = "echo glass"
expected = "glass\\n"
"""
_TYPESCRIPT = Path(__file__).parents[3] / "frontend" / "node_modules" / "typescript"


@contextlib.contextmanager
def made_tools() -> Iterator[Path]:
    """A directory with ``toy`` (1.5.0, the preferred one), ``toy-2`` (2.0.1) and ``tsc``.

    It is not below /tmp: cells have one of their own.
    """
    with tempfile.TemporaryDirectory(dir="/var/tmp") as made:
        directory = Path(made)
        directory.chmod(0o755)
        _toy(directory / "toy", "1.5.0")
        _toy(directory / "toy-2", "2.0.1")
        for name in ("package.json", "bin/tsc", "lib/typescript.js"):
            (directory / "typescript" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_TYPESCRIPT / name, directory / "typescript" / name)
        (directory / "typescript" / "bin" / "tsc").chmod(0o755)
        (directory / "tsc").symlink_to("typescript/bin/tsc")
        yield directory


def beside(directory: Path) -> dict[str, str]:
    """A PATH with it at the end."""
    return {"PATH": os.pathsep.join([os.environ["PATH"], str(directory)])}


def _toy(place: Path, version: str) -> None:
    place.write_text(f'#!/bin/sh\n[ "$1" = version ] && exec echo toy {version}\necho from {version} >&2\n. "./$1"\n')
    place.chmod(0o755)
