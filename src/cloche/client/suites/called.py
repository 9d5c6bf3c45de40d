"""Problems that call a function, as programs that read its arguments from stdin and write what it gives back.

So each call is a case of its own, its expected value never enters the cell, and what the program prints goes to
stderr. Arguments are JSON, one a line; tuples come back as lists, as the data sets' own harnesses have it.
"""

import ast
from typing import Final

_HEAD: Final = (
    "import json as _json, os as _os, sys as _sys; _answer = _os.fdopen(_os.dup(1), 'w'); _os.dup2(2, 1); del _os\n"
)
_TAIL: Final = """

_given = [_json.loads(_line) for _line in _sys.stdin.read().splitlines() if _line.strip()]
_called = getattr(Solution(), {name!r}) if "Solution" in globals() else globals()[{name!r}]
_json.dump(_called(*_given), _answer)
_answer.flush()
"""


def calling(source: str, name: str) -> str:
    """``source`` as such a program; ``name`` is the function's, or a method's of its class ``Solution``."""
    lines = source.splitlines(keepends=True)
    at = _after_future_imports(source)
    return "".join([*lines[:at], _HEAD, *lines[at:], _TAIL.format(name=name)])


def _after_future_imports(source: str) -> int:
    try:
        nodes = ast.parse(source).body
    except (SyntaxError, ValueError):
        return 0  # it does not run either way
    lines = [n.end_lineno or 0 for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    return max(lines, default=0)
