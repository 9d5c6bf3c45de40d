"""What Piston calls our runtimes, and which of them a selector chooses. Pure.

Source: github.com/engineer-man/piston at 0a844d0, ``packages/*/*/metadata.json``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloche.api.compat.semver import Version, parse_version, satisfies
from cloche.contracts.execution import RuntimeOffer

#: Its language and aliases for a runtime; the others have their own name there too.
_NAMES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "assembly": ("nasm64", ("asm64",)),
    "cpp": ("c++", ("cpp", "g++")),
    "commonlisp": ("lisp", ("lisp", "cl", "sbcl", "commonlisp")),
    "csharp": ("csharp", ("mono", "mono-csharp", "mono-c#", "mono-cs", "c#", "cs")),
    "javascript": ("javascript", ("node-javascript", "node-js", "javascript", "js")),
    "pascal": ("pascal", ("freepascal", "pp", "pas")),
    "prolog": ("prolog", ("prolog", "plg")),
    "python": ("python", ("py", "py3", "python3")),
    "r": ("rscript", ("r",)),
    "raku": ("raku", ("raku", "rakudo", "perl6", "p6", "pl6")),
    "ruby": ("ruby", ("ruby3", "rb")),
    "scala": ("scala", ("sc",)),
    "sql": ("sqlite3", ("sqlite", "sql")),
    "typescript": ("typescript", ("ts", "node-ts", "tsc", "typescript5", "ts5")),
}


@dataclass(frozen=True, slots=True)
class PistonRuntime:
    """A runtime under its name there. ``version`` has three numbers."""

    language: str
    aliases: tuple[str, ...]
    version: Version
    offer: RuntimeOffer

    @property
    def version_text(self) -> str:
        """As clients see it."""
        return ".".join(map(str, self.version))

    @property
    def wanted(self) -> str:
        """How an evaluation asks for exactly this one."""
        return f"{self.offer.name}@{self.offer.version}"

    def listed(self) -> dict[str, Any]:
        """An item of ``GET /runtimes``."""
        return {"language": self.language, "version": self.version_text, "aliases": list(self.aliases)}

    def packaged(self) -> dict[str, Any]:
        """An item of ``GET /packages``."""
        return {"language": self.language, "language_version": self.version_text, "installed": True}


def runtimes_of(offers: Iterable[RuntimeOffer]) -> list[PistonRuntime]:
    """Each runtime once, by name, the newest version of it first."""
    found: dict[tuple[str, Version], PistonRuntime] = {}
    for offer in offers:
        language, aliases = _NAMES.get(offer.name, (offer.name, ()))
        names = dict.fromkeys((*aliases, offer.name, *offer.aliases))
        names.pop(language, None)
        runtime = PistonRuntime(language, tuple(names), parse_version(offer.version), offer)
        found.setdefault((language, runtime.version), runtime)
    newest_first = sorted(found.values(), key=lambda runtime: runtime.version, reverse=True)
    return sorted(newest_first, key=lambda runtime: runtime.language)


def choose(runtimes: Iterable[PistonRuntime], language: str, selector: str) -> PistonRuntime | None:
    """The newest runtime of this name or alias that the selector allows."""
    named = [runtime for runtime in runtimes if runtime.language == language or language in runtime.aliases]
    named.sort(key=lambda runtime: (runtime.version, runtime.language == language), reverse=True)
    return next((runtime for runtime in named if satisfies(runtime.version, selector)), None)
