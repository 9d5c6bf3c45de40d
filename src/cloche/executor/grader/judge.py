"""Inside the grader's cell: runs a problem's tests against a program that is in another cell.

The tests call it by plain data over a line each (see ``candidate.py``): nothing of the program runs here, and what it
answers is made of builtin types. A name that neither the tests nor their setup define is the program's. The last line
is the ``verdict``: ``passed``; or, with a ``text``, ``failed``, ``raised`` where an exception of the program's ended
them, ``unusable`` where they ended before they called the program.
"""

import _thread
import builtins
import importlib
import json
import os
import sys

from plain_values import decode, encode  # pyright: ignore[reportMissingImports]

_TEXT = 500


class ProgramError(Exception):
    """The program answered what no test can use."""


class _Handle:
    """A value of the program's that has no plain form; it can be called, and given back to the program.

    Whether it is true or equals anything only the program could say, so no test may ask.
    """

    __hash__ = None

    def __init__(self, link, number, kind):
        self._link = link
        self.number = number
        self._kind = kind

    def _refuse(self, *_):
        self._link.raised = ProgramError("a test looks into a value of type %s, which is no plain data" % self._kind)
        raise self._link.raised

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __len__ = __iter__ = __contains__ = _refuse

    def __call__(self, *args, **kwargs):
        return self._link.call({"of": self.number, "name": "a value of the program"}, args, kwargs)


class _Candidate:
    """A function of the program, to be called like it.

    Its attributes are those of a module of that name: tests rely on what programs happen to import.
    """

    def __init__(self, link, name):
        self._link = link
        self.__name__ = name

    def __call__(self, *args, **kwargs):
        return self._link.call({"name": self.__name__}, args, kwargs)

    def __getattr__(self, attribute):
        try:
            return getattr(importlib.import_module(self.__name__), attribute)
        except ImportError:
            raise AttributeError(attribute) from None


class _Link:
    def __init__(self):
        self._answers = os.fdopen(os.dup(0), "rb")
        self._calls = os.fdopen(os.dup(1), "wb")
        self._number = 0
        self._turn = _thread.allocate_lock()
        self.called = False
        #: The last exception that stands for one of the program's.
        self.raised = None
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def tell(self, words):
        self._calls.write(json.dumps(words, separators=(",", ":")).encode("ascii") + b"\n")
        self._calls.flush()

    def call(self, what, args, kwargs):
        args = [encode(each, _number_of) for each in args]
        kwargs = {key: encode(each, _number_of) for key, each in kwargs.items()}
        with self._turn:
            self._number += 1
            self.called = True
            self.tell(dict(what, call=self._number, args=args, kwargs=kwargs))
            return self._value(self._answers.readline())

    def _value(self, line):
        try:
            words = json.loads(line)
            if words["call"] != self._number:
                raise ProgramError("it answered another call")
            if "value" in words:
                return decode(words["value"], lambda known: _Handle(self, int(known[0]), str(known[1])[:100]))
            if "lacking" in words:
                raise ProgramError(str(words["lacking"])[:_TEXT])
            names, text = [str(name) for name in words["raised"]], str(words["text"])[:_TEXT]
        except ProgramError as error:
            self.raised = error
            raise
        except Exception:
            self.raised = ProgramError("it answered what is no value")
            raise self.raised from None
        self.raised = _exception(names, text)
        raise self.raised


def _exception(names, text):
    """The builtin exception of one of these names; one that ends loops without a word becomes another (PEP 479)."""
    if "StopIteration" in names or "StopAsyncIteration" in names:
        return RuntimeError("it raised %s" % names[0])
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                return kind(text)
            except TypeError:
                continue
    return ProgramError("%s: %s" % (names[0] if names else "an exception", text))


def _number_of(value):
    if isinstance(value, _Handle):
        return value.number
    raise TypeError("the tests hand over a %s, which is no plain data" % type(value).__name__)


class _Names(dict):
    """The tests' global names; one that nobody defined is the program's."""

    def __init__(self, link):
        super().__init__(__name__="tests", __builtins__=builtins)
        self._link = link

    def __missing__(self, name):
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        return _Candidate(self._link, name)


def _run(name, source, names):
    exec(compile(source, name, "exec"), names)


def main():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tests.json"), "rb") as file:
        given = json.loads(file.read())
    link = _Link()
    names = _Names(link)
    try:
        _run("setup.py", given["setup"], names)
        entry = given["entry_point"]
        if entry is not None:
            names[entry] = _Candidate(link, entry)
        _run("tests.py", given["code"], names)
        if entry is not None and "check" in names:
            names["check"](names[entry])
        words = {"verdict": "passed"} if link.called else _unusable("The tests never called the program.")
    except BaseException as error:
        words = _failure(error, link, given)
    link.tell(words)
    sys.stderr.flush()
    os._exit(0)


def _failure(error, link, given):
    import linecache
    import traceback

    for name, source in (("setup.py", given["setup"]), ("tests.py", given["code"])):
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    traceback.print_exception(type(error), error, error.__traceback__)
    text = ("%s: %s" % (type(error).__name__, error))[:_TEXT].rstrip(": ")
    if not link.called:
        return _unusable(text)
    return {"verdict": "raised" if error is link.raised else "failed", "text": text}


def _unusable(text):
    return {"verdict": "unusable", "text": text}


if __name__ == "__main__":
    main()
