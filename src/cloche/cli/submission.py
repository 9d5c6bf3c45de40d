"""From files and options to a request."""

import base64
import os
import sys
from pathlib import Path

import typer

from cloche.cli.runtime_guess import guess_runtime
from cloche.contracts.submission import File

STDIN = Path("-")


def read_files(paths: list[Path]) -> list[File]:
    """The files of a program, the first one starts. Paths in the cell are relative to their common folder."""
    folder = os.path.commonpath([path.absolute().parent for path in paths])
    return [_file(path, os.path.relpath(path.absolute(), folder)) for path in paths]


def choose_runtime(given: str | None, paths: list[Path]) -> str:
    """What was asked for, else what the first file's name says."""
    guessed = given or guess_runtime(paths[0].name)
    if guessed is None:
        raise typer.BadParameter(
            f"can't tell from the name '{paths[0].name}'; see 'cloche doctor' for what there is.",
            param_hint="'--runtime'",
        )
    return guessed


def read_text(source: Path | None, what: str) -> str:
    """UTF-8 text of a file, or of stdin for ``-``; empty for None."""
    if source is None:
        return ""
    try:
        data = sys.stdin.buffer.read() if source == STDIN else source.read_bytes()
        return data.decode()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{what} must be UTF-8 text; byte {error.start} is not.") from None
    except OSError as error:
        raise typer.BadParameter(f"{what} can't be read: {error.strerror}.") from None


def pairs(options: list[str], hint: str) -> dict[str, str]:
    """``name=value`` options as a mapping; the last one of a name counts."""
    found: dict[str, str] = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"'{option}' is not name=value.", param_hint=hint)
        found[name] = value
    return found


def _file(path: Path, name: str) -> File:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"'{path}' can't be read: {error.strerror}.", param_hint="'FILE...'") from None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    # NUL is a character of UTF-8 that JSON stores can't hold.
    if "\0" in text:
        return File(path=name, content=base64.b64encode(data).decode(), encoding="base64")
    return File(path=name, content=text)
