"""structlog as JSON lines on stderr (or for people on a terminal), stdlib routed through it.

Every line about an evaluation has ``evaluation_id``, those about one attempt ``attempt``, and ``trace_id``
where it is traced. No line ever holds a program's source, input or output.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any

import structlog

from cloche.kit.log_failures import failure
from cloche.kit.tracing import trace_id


def configure_logs(service: str, level: str = "info") -> None:
    """Set up logging for the process. Call once, from ``__main__``."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_trace_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_failure_text),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "asyncio", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def about_evaluation(evaluation_id: object, attempt: int | None = None) -> AbstractContextManager[None]:
    """What is logged inside, also by tasks that are started there, is about this evaluation."""
    facts = {} if attempt is None else {"attempt": attempt}
    return structlog.contextvars.bound_contextvars(evaluation_id=str(evaluation_id), **facts)


def stay_about_evaluation(evaluation_id: object, attempt: int) -> None:
    """All that this task logs from now on is about this evaluation; cheaper than ``about_evaluation``."""
    structlog.contextvars.bind_contextvars(evaluation_id=str(evaluation_id), attempt=attempt)


def get_logger() -> structlog.stdlib.BoundLogger:
    """A logger whose first argument is a dotted event name and whose keywords are facts."""
    return structlog.get_logger()


def _add_trace_id(_: Any, __: str, facts: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    known = trace_id()
    if known is not None:
        facts.setdefault("trace_id", known)
    return facts


def _failure_text(exc_info: Any) -> str:
    return failure(exc_info[1])
