"""Which runtime a file is for, from its name. No I/O."""

from pathlib import PurePath
from typing import Final

_SUFFIXES: Final = {
    ".bash": "bash",
    ".c": "c",
    ".c++": "cpp",
    ".cc": "cpp",
    ".cjs": "javascript",
    ".cpp": "cpp",
    ".cxx": "cpp",
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
    """The runtime's name; None when the name does not tell."""
    return _SUFFIXES.get(PurePath(path).suffix.lower())
