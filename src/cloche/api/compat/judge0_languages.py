"""Judge0's numbers for languages, and which of our runtimes each means. Pure.

Source: github.com/judge0/judge0 at 47dfd63, ``db/languages``; numbers from 91 on and those of Extra CE: the
tables of the package judge0 0.0.8.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloche.api.checks import version_key
from cloche.contracts.execution import RuntimeOffer

#: Runtime, what Judge0 calls it, its source file there, and its numbers: one for each version that it has had.
_TABLE: Final = (
    ("assembly", "Assembly (NASM {})", "main.asm", (45,)),
    ("bash", "Bash ({})", "script.sh", (46,)),
    ("c", "C (GCC {})", "main.c", (48, 49, 50, 103)),
    ("csharp", "C# (Mono {})", "Main.cs", (51,)),
    ("cpp", "C++ (GCC {})", "main.cpp", (52, 53, 54, 105)),
    ("commonlisp", "Common Lisp (SBCL {})", "script.lisp", (55,)),
    ("d", "D (GDC {})", "main.d", (56,)),
    ("elixir", "Elixir ({})", "script.exs", (57,)),
    ("erlang", "Erlang (OTP {})", "main.erl", (58,)),
    ("fortran", "Fortran (GFortran {})", "main.f90", (59,)),
    ("go", "Go ({})", "main.go", (60, 95, 106, 107)),
    ("haskell", "Haskell (GHC {})", "main.hs", (61,)),
    ("java", "Java (OpenJDK {})", "Main.java", (62, 91)),
    ("javascript", "JavaScript (Node.js {})", "script.js", (63, 93, 97, 102)),
    ("lua", "Lua ({})", "script.lua", (64,)),
    ("ocaml", "OCaml ({})", "main.ml", (65,)),
    ("octave", "Octave ({})", "script.m", (66,)),
    ("pascal", "Pascal (FPC {})", "main.pas", (67,)),
    ("php", "PHP ({})", "script.php", (68, 98)),
    ("prolog", "Prolog (SWI-Prolog {})", "main.pro", (69,)),
    ("python", "Python ({})", "script.py", (71, 92, 100, 109, 113)),
    ("ruby", "Ruby ({})", "script.rb", (72,)),
    ("rust", "Rust ({})", "main.rs", (73, 108)),
    ("typescript", "TypeScript ({})", "script.ts", (74, 94, 101)),
    ("cobol", "COBOL (GnuCOBOL {})", "main.cob", (77,)),
    ("kotlin", "Kotlin ({})", "Main.kt", (78, 111)),
    ("r", "R ({})", "script.r", (80, 99)),
    ("scala", "Scala ({})", "Main.scala", (81, 112)),
    ("sql", "SQL (SQLite {})", "script.sql", (82,)),
    ("perl", "Perl ({})", "script.pl", (85,)),
    ("clojure", "Clojure ({})", "main.clj", (86,)),
)
_EXTRA_TABLE: Final = (
    ("java", "Java (OpenJDK {})", "Main.java", (4,)),
    ("nim", "Nim ({})", "main.nim", (9,)),
    ("csharp", "C# (Mono {})", "Main.cs", (22,)),
    ("python", "Python ({})", "script.py", (10, 33)),
)


@dataclass(frozen=True, slots=True)
class Language:
    """One number. ``title`` has a place for the version."""

    id: int
    runtime: str
    title: str
    source_file: str

    def name(self, version: str) -> str:
        """As people see it."""
        return self.title.format(version or "any")


@dataclass(frozen=True, slots=True)
class Flavour:
    """One of the two systems: the version that it says it is, its languages, the numbers that it has retired."""

    version: str
    languages: Mapping[int, Language]
    archived: frozenset[int]


def _languages(table: Iterable[tuple[str, str, str, tuple[int, ...]]]) -> dict[int, Language]:
    return {
        number: Language(number, runtime, title, source_file)
        for runtime, title, source_file, numbers in table
        for number in numbers
    }


#: Its client takes no other versions than 1.13.1 and 1.14.0, each also with -extra.
CE: Final = Flavour("1.13.1", _languages(_TABLE), frozenset(range(1, 43)))
EXTRA_CE: Final = Flavour("1.14.0-extra", _languages(_EXTRA_TABLE), frozenset())
#: No number of one is offered with another meaning by the other.
ALL_LANGUAGES: Final[Mapping[int, Language]] = {**EXTRA_CE.languages, **CE.languages}


def versions_of(offers: Iterable[RuntimeOffer]) -> dict[str, RuntimeOffer]:
    """The newest offer of each runtime, by name."""
    newest: dict[str, RuntimeOffer] = {}
    for offer in offers:
        before = newest.get(offer.name)
        if before is None or version_key(offer.version) > version_key(before.version):
            newest[offer.name] = offer
    return newest


def listed(flavour: Flavour, offered: Mapping[str, RuntimeOffer]) -> list[dict[str, Any]]:
    """``GET /languages``: those that can be run, by name."""
    able = [
        (language, offered[language.runtime]) for language in flavour.languages.values() if language.runtime in offered
    ]
    named = [{"id": language.id, "name": language.name(offer.version)} for language, offer in able]
    return sorted(named, key=lambda item: (item["name"], item["id"]))


def described(language: Language, offer: RuntimeOffer) -> dict[str, Any]:
    """``GET /languages/{id}``. How it is compiled and run is the executors' affair, and is not told."""
    return {
        "id": language.id,
        "name": language.name(offer.version),
        "is_archived": False,
        "source_file": language.source_file,
        "compile_cmd": None,
        "run_cmd": None,
    }
