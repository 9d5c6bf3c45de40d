"""Inside the program's cell: loads the program and answers the grader's calls, one line each.

It shares its process with the program, which may do to it what it likes: all it can reach is what it answers.
``{"call": n, "name": …, "args": […], "kwargs": {…}}`` is answered by ``{"call": n, "value": …}``, by
``{"call": n, "raised": [class names], "text": …}``, or by ``{"call": n, "lacking": …}`` where the program has no such
name or the value no plain form. What the program prints goes to stderr. The end of stdin ends the process.
"""

import json
import os
import sys

from plain_values import NotPlainError, decode, encode  # pyright: ignore[reportMissingImports]

_TEXT = 500


class _Lines:
    """The grader's end, on descriptors of its own; the program's are nothing and stderr."""

    def __init__(self):
        self.calls = os.fdopen(os.dup(0), "rb")
        self.answers = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def answer(self, words):
        self.answers.write(json.dumps(words, separators=(",", ":")).encode("ascii") + b"\n")
        self.answers.flush()


def main():
    lines = _Lines()
    names = _load(sys.argv[1])
    kept = []

    def keep(value):
        if not any(value is each for each in kept):
            kept.append(value)
        number = next(number for number, each in enumerate(kept) if each is value)
        return [number, "%s.%s" % (type(value).__module__, type(value).__name__)]

    for line in lines.calls:
        call = json.loads(line)
        lines.answer(dict(_answer(call, names, keep, kept), call=call["call"]))
    os._exit(0)


def _load(path):
    """What the program defines, once it ran as a module that is not the main one."""
    with open(path, "rb") as file:
        source = file.read()
    work = os.getcwd()
    sys.path[0] = work
    sys.argv = [path]
    for name in ("plain_values", "candidate"):
        sys.modules.pop(name, None)
    program = sys.modules["program"] = type(sys)("program")
    program.__file__ = os.path.join(work, path)
    exec(compile(source, path, "exec"), program.__dict__)
    return program.__dict__


def _answer(call, names, keep, kept):
    try:
        function = kept[call["of"]] if "of" in call else names[call["name"]]
        args = [decode(each, kept.__getitem__) for each in call["args"]]
        kwargs = {key: decode(each, kept.__getitem__) for key, each in call["kwargs"].items()}
    except KeyError:
        return {"lacking": "the program has no name %.100s" % call["name"]}
    try:
        value = function(*args, **kwargs)
    except Exception as error:
        _show(error)
        return {"raised": [kind.__name__ for kind in type(error).__mro__], "text": _said(error)}
    try:
        return {"value": encode(value, keep)}
    except (NotPlainError, RecursionError):
        return {"lacking": "the value is nested too deeply"}
    except Exception as error:
        _show(error)
        return {"lacking": "the value can't be read: %s" % type(error).__name__}


def _show(error):
    import traceback

    traceback.print_exception(type(error), error, error.__traceback__)


def _said(error):
    try:
        return str(error)[:_TEXT]
    except Exception:
        return ""


if __name__ == "__main__":
    main()
