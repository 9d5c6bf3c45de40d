"""The program in a model's completion. Pure; linear in its length.

Source: github.com/bytedance/SandboxFusion at 469de08, ``sandbox/utils/extraction.py``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_FENCE: Final = "```"
#: What stands behind a fence, in lower case, beside the language's own name.
_ALIASES: Final[Mapping[str, str]] = {
    "py": "python",
    "python3": "python",
    "c++": "cpp",
    "javascript": "nodejs",
    "js": "nodejs",
    "c#": "csharp",
    "sh": "bash",
    "shell": "bash",
    "rs": "rust",
    "r": "R",
}


@dataclass(frozen=True, slots=True)
class _Block:
    language: str
    code: str


def extracted(completion: str, language: str) -> str:
    """The first fenced block in ``language``, else the first; without fences all of it.

    A block whose fence is never closed counts where there is no closed one.
    """
    blocks = list(_closed(completion)) or _open(completion)
    if not blocks:
        return completion
    return next((block.code for block in blocks if block.language == language), blocks[0].code)


def _closed(text: str) -> Iterator[_Block]:
    position = 0
    while True:
        opening = text.find(_FENCE, position)
        line_end = text.find("\n", opening) if opening >= 0 else -1
        if line_end < 0:
            return
        end, position = _closing(text, line_end + 1)
        if position < 0:
            return
        yield _Block(_language(text[opening + len(_FENCE) : line_end]), text[line_end + 1 : end])


def _closing(text: str, start: int) -> tuple[int, int]:
    """Where the code ends and where to go on behind its fence, which only space divides from a line's begin."""
    fence = text.find(_FENCE, start)
    while fence >= 0:
        space = fence
        end = -1
        while space > start and text[space - 1].isspace():
            space -= 1
            if text[space] == "\n":
                end = space
        if end >= 0:
            return end, fence + len(_FENCE)
        fence = text.find(_FENCE, fence + 1)
    return -1, -1


def _open(text: str) -> list[_Block]:
    opening = text.find(_FENCE)
    line_end = text.find("\n", opening) if opening >= 0 else -1
    if line_end < 0:
        return []
    return [_Block(_language(text[opening + len(_FENCE) : line_end]), text[line_end + 1 :])]


def _language(words: str) -> str:
    name = words.strip()
    return _ALIASES.get(name.lower(), name.lower() if name != "R" else name)
