"""Traces, switched on by OpenTelemetry's own environment variables. Off, nothing of it is even imported.

A place in a trace travels as text, W3C's ``traceparent``: over HTTP, in the queue's rows and in records.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias
from uuid import UUID

#: An id is told as text, and what is not known not at all.
Fact: TypeAlias = str | int | float | bool | UUID | None
Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]

#: A longer one is not W3C's; a later version of it may add a little.
_MOST_CHARACTERS: Final = 128


class Span(Protocol):
    """Something that takes a while, in a trace."""

    @property
    def place(self) -> str | None:
        """What to hand on, so that others' spans come below this one; None while tracing is off."""
        ...

    def tell(self, **facts: Fact) -> None:
        """Add facts. Never a program's source or output, nor anything else that somebody sent."""
        ...


class Tracing(Protocol):
    """What makes spans, once tracing is on."""

    def span(
        self, name: str, kind: Kind, parent: str | None, links: Sequence[str | None], facts: Mapping[str, Fact]
    ) -> AbstractContextManager[Span]: ...

    def past(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        links: Sequence[str | None],
        begun: datetime,
        facts: Mapping[str, Fact],
    ) -> str: ...

    def place(self) -> str | None: ...

    def trace_id(self) -> str | None: ...

    def close(self) -> None: ...


class _NoSpan:
    place = None

    def tell(self, **facts: Fact) -> None:
        pass


_OFF: Final = contextlib.nullcontext(_NoSpan())
_tracing: Tracing | None = None


def configure_traces(service: str, environ: Mapping[str, str] | None = None) -> None:
    """Switch tracing on for this process if the environment asks for it. Call once, from ``__main__``.

    ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``…_TRACES_ENDPOINT``) or ``OTEL_TRACES_EXPORTER=otlp`` does;
    ``OTEL_TRACES_EXPORTER=none`` and ``OTEL_SDK_DISABLED=true`` do not. The SDK reads the others itself.
    """
    global _tracing  # noqa: PLW0603  (as logging, it is the process's)
    environ = os.environ if environ is None else environ
    if is_wanted(environ) and _tracing is None:
        from cloche.kit.opentelemetry_tracing import OpenTelemetryTracing

        _tracing = OpenTelemetryTracing(service, named="OTEL_SERVICE_NAME" in environ)


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter:
        return "otlp" in exporter.split(",")
    return any(environ.get(f"OTEL_EXPORTER_OTLP_{name}") for name in ("ENDPOINT", "TRACES_ENDPOINT"))


def close_traces() -> None:
    """Send what is left, within two seconds, and switch tracing off."""
    global _tracing
    closing, _tracing = _tracing, None
    if closing is not None:
        closing.close()


def is_on() -> bool:
    """Whether spans go anywhere: to be asked before work that only they need."""
    return _tracing is not None


def span(
    name: str,
    *,
    kind: Kind = "internal",
    parent: str | None = None,
    links: Sequence[str | None] = (),
    **facts: Fact,
) -> AbstractContextManager[Span]:
    """A span around what is done in it, below ``parent``, else below the span it is in, else the first of its trace.

    An empty ``parent`` makes it the first in any case. ``links`` are other places that it has to do with. What is
    no place is passed over, whoever sent it. An exception ends it as failed, told by its class alone.
    """
    return _OFF if _tracing is None else _tracing.span(name, kind, parent, links, facts)


def past(
    name: str,
    begun: datetime,
    *,
    kind: Kind = "internal",
    parent: str | None = None,
    links: Sequence[str | None] = (),
    **facts: Fact,
) -> str | None:
    """A span that began at ``begun`` and ends now; its place. Below ``parent`` or the first of its trace."""
    return None if _tracing is None else _tracing.past(name, kind, parent, links, begun, facts)


def place() -> str | None:
    """The current span's place, for a ``traceparent`` header; None where there is none."""
    return None if _tracing is None else _tracing.place()


def trace_id() -> str | None:
    """The current span's trace, as 32 hex digits."""
    return None if _tracing is None else _tracing.trace_id()


def sent_place(headers: Mapping[str, str]) -> str | None:
    """The place that a caller sent, which may be nonsense; None while tracing is off."""
    if _tracing is None:
        return None
    value = headers.get("traceparent")
    return value if value is not None and len(value) <= _MOST_CHARACTERS else None
