"""Which runtime a file is for, from its name."""

from pathlib import PurePath
from typing import Final

#: Suffixes that tell at once, and those that no runtime's own source file has.
_SUFFIXES: Final = {
    ".bash": "bash",
    ".c": "c",
    ".c++": "cpp",
    ".cc": "cpp",
    ".cjs": "javascript",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".f95": "fortran",
    ".go": "go",
    ".java": "java",
    ".js": "javascript",
    ".lua": "lua",
    ".mjs": "javascript",
    ".php": "php",
    ".pl": "perl",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "bash",
    ".sql": "sql",
    ".ts": "typescript",
}


def guess_runtime(path: str) -> str | None:
    """The runtime's name; None when the name does not tell.

    A suffix that is not known here is looked up among Cloche's own runtimes.
    """
    suffix = PurePath(path).suffix.lower()
    if suffix in _SUFFIXES or not suffix:
        return _SUFFIXES.get(suffix)
    from cloche.executor.runtimes import load_runtimes

    own = load_runtimes()
    return next((r.name for r in own if PurePath(r.source_file).suffix.lower() == suffix), None)
