"""Brings a report to the Queue Service, for as long as it takes."""

import asyncio
import random

from cloche.contracts.tasks import CompleteAnswer, CompleteRequest, FailRequest
from cloche.kit.errors import (
    ClocheError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    TooLargeError,
    UnsupportedTypeError,
)
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger
from cloche.worker.metrics import Metrics

log = get_logger()

#: A report is repeated this long: the result is here and nowhere else.
_PATIENCE_S = 600.0
_FIRST_DELAY_S = 0.05
_MAX_DELAY_S = 2.0


class Reporter:
    """Reports how leased tasks ended. Every report may be repeated: the Queue Service takes it once."""

    def __init__(self, queue: ServiceClient, metrics: Metrics) -> None:
        self._queue = queue
        self._metrics = metrics

    async def report(self, report: CompleteRequest | FailRequest) -> bool:
        """Report, waiting out a Queue Service that is away.

        False when it will not have what the report says, whoever brings it; then the task is
        still this worker's. True when it took it, knew better, or could not be reached for
        ``_PATIENCE_S``.
        """
        path = "complete" if isinstance(report, CompleteRequest) else "fail"
        delay_s = _FIRST_DELAY_S
        end = asyncio.get_running_loop().time() + _PATIENCE_S
        while True:
            try:
                await self._queue.post(f"/queue/internal/v1/{path}", report, CompleteAnswer)
            except ConflictError as error:
                self._metrics.conflicts.labels(error.code).inc()
                return True
            except (InvalidRequestError, NotFoundError, TooLargeError, UnsupportedTypeError) as error:
                log.warning("report.refused", kind=path, error=error.code)
                return False
            except ClocheError as error:
                if not error.retryable or asyncio.get_running_loop().time() > end:
                    log.warning("report.given_up", error=error.code)
                    return True
                await asyncio.sleep(delay_s * (0.5 + random.random()))  # noqa: S311  (jitter)
                delay_s = min(delay_s * 2, _MAX_DELAY_S)
            else:
                self._metrics.reported.labels(path).inc()
                return True
