"""Runtimes that people added to Cloche's own: files that say what is different from one of those.

Each is ``<name>.toml`` with ``extends``, the name of one of Cloche's own; other fields as in a
runtime's file. They are read anew at each check, and a file that can't be used refuses its
runtime alone.
"""

import re
from pathlib import Path
from typing import Any, Final

from cloche.executor.runtimes import Runtime, RuntimeFileError, checked, merged, read_table, refuse_taken

#: As ``Runtime.name``, without what would be odd in a file's name.
NAME: Final = re.compile(r"[a-z][a-z0-9.-]{0,31}")


def load_added(directory: Path, own: list[Runtime]) -> tuple[list[Runtime], dict[str, str]]:
    """The runtimes of ``directory``, by name, and for each file that can't be used its runtime's name and why."""
    found: list[Runtime] = []
    refused: dict[str, str] = {}
    for path in sorted(directory.glob("*.toml")):
        try:
            runtime = load_one(path, own)
            refuse_taken(runtime, [*own, *found], path)
            found.append(runtime)
        except RuntimeFileError as error:
            refused[path.stem] = str(error)
    return found, refused


def load_one(path: Path, own: list[Runtime]) -> Runtime:
    """The runtime that the file describes.

    Raises:
        RuntimeFileError: it can't be read, is not valid, or extends none of ``own``.
    """
    if not NAME.fullmatch(path.stem):
        raise RuntimeFileError(f"{path.name}: not a name for a runtime")
    table = read_table(path)
    base = next((runtime for runtime in own if runtime.name == table.get("extends")), None)
    if base is None:
        raise RuntimeFileError(f"{path.name}: extends must name one of Cloche's own runtimes")
    over = {key: value for key, value in table.items() if key != "extends"} | {"name": path.stem}
    ways = [_extended(way, over) for way in base.ways]
    return checked({**ways[0], "otherwise": ways[1:]}, path)


def _extended(way: Runtime, over: dict[str, Any]) -> dict[str, Any]:
    """Aliases are the base's alone, and its image has nothing of what was added."""
    return merged(way.model_dump(exclude={"aliases", "image", "otherwise"}), over)
