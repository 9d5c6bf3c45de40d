"""Spans by OpenTelemetry's SDK, sent in batches over OTLP. Imported only where tracing is on.

The provider is not made the global one: what other libraries would then trace by themselves costs much
and tells exceptions' messages, which may hold what a program wrote.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cloche.kit.logs import get_logger
from cloche.kit.tracing import Fact, Kind

log = get_logger()

_KINDS: Final = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}
_W3C: Final = TraceContextTextMapPropagator()
#: What ending may take: a collector that is away must not hold up a restart.
_CLOSE_S: Final = 2.0
_SAY_EVERY_S: Final = 60.0
#: Of one span. The SDK drops more, and so spares the walk through thousands of tasks.
_MOST_LINKS: Final = 128


class OpenTelemetrySpan:
    """``Span`` of the SDK."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def place(self) -> str | None:
        """As W3C writes it."""
        return _written(self._span.get_span_context())

    def tell(self, **facts: Fact) -> None:
        """Add facts, in Cloche's own part of the names."""
        self._span.set_attributes(_named(facts))


class OpenTelemetryTracing:
    """Keeps what is not sent yet in a bounded queue, drops what is more, and sends from a thread of its own.

    ``named`` is whether the environment names the service.
    """

    def __init__(self, service: str, *, named: bool) -> None:
        library = logging.getLogger("opentelemetry")
        library.addHandler(_Seldom())
        library.propagate = False
        names = {} if named else {"service.name": f"cloche-{service}"}
        resource = Resource.create({**names, "service.namespace": "cloche", "service.version": version("cloche")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("cloche", version("cloche"))

    @contextlib.contextmanager
    def span(
        self, name: str, kind: Kind, parent: str | None, links: Sequence[str | None], facts: Mapping[str, Fact]
    ) -> Generator[OpenTelemetrySpan]:
        """A current span."""
        span = self._tracer.start_span(
            name,
            context=None if parent is None else _context(parent),
            kind=_KINDS[kind],
            attributes=_named(facts),
            links=_links(links),
            record_exception=False,
            set_status_on_exception=False,
        )
        token = contexts.attach(trace.set_span_in_context(span))
        try:
            yield OpenTelemetrySpan(span)
        except BaseException as error:
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            contexts.detach(token)
            span.end()

    def past(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        links: Sequence[str | None],
        begun: datetime,
        facts: Mapping[str, Fact],
    ) -> str:
        """A span of which only the end is now."""
        span = self._tracer.start_span(
            name,
            context=_context(parent),
            kind=_KINDS[kind],
            attributes=_named(facts),
            links=_links(links),
            start_time=round(begun.timestamp() * 1e9),
        )
        span.end()
        return _written(span.get_span_context())

    def place(self) -> str | None:
        """The current span's."""
        found = trace.get_current_span().get_span_context()
        return _written(found) if found.is_valid else None

    def trace_id(self) -> str | None:
        """The current span's."""
        found = trace.get_current_span().get_span_context()
        return trace.format_trace_id(found.trace_id) if found.is_valid else None

    def close(self) -> None:
        """Send what is left."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_S)


class _Seldom(logging.Handler):
    """Tells at most once a minute of what the SDK says, which is that nobody takes its spans, for each batch."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + _SAY_EVERY_S
            log.warning("traces.not_sent", reason=record.getMessage()[:300])


def _context(parent: str | None) -> contexts.Context:
    """Below ``parent``, or below nothing."""
    return _W3C.extract({"traceparent": parent} if parent else {}, context=contexts.Context())


def _links(places: Iterable[str | None]) -> list[trace.Link]:
    known = [place for place in dict.fromkeys(places) if place][:_MOST_LINKS]
    found = [trace.get_current_span(_context(place)).get_span_context() for place in known]
    return [trace.Link(context) for context in found if context.is_valid]


def _written(context: trace.SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _named(facts: Mapping[str, Fact]) -> dict[str, str | int | float | bool]:
    return {
        f"cloche.{name}": value if isinstance(value, str | int | float) else str(value)
        for name, value in facts.items()
        if value is not None
    }
