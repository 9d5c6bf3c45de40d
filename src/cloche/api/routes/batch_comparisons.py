"""Batches beside each other, and repeats beside each other."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from cloche.api.batches.comparison import FIRST, Pair
from cloche.api.parts import get_parts
from cloche.api.routes.batches import BatchPath
from cloche.contracts.batches import Comparison, Flakiness
from cloche.kit.http_app import PROBLEM_RESPONSES
from cloche.kit.people import Reader

router = APIRouter(prefix="/api/v1/batches", tags=["batches"], responses=PROBLEM_RESPONSES)

Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$", description="A page's `next`.")]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/{batch_id}/compare/{other_id}", summary="Compare two batches")
async def compare_batches(
    request: Request,
    caller: Reader,
    batch_id: BatchPath,
    other_id: Annotated[UUID, Path(description="The batch that is compared with it.")],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Comparison:
    """What only one of them solved, sample by sample, and whether that can be chance (McNemar's test)."""
    comparisons = get_parts(request).batches.comparisons
    return await comparisons.compare(batch_id, other_id, caller.tenant, _place(cursor), limit)


@router.get("/{batch_id}/flakiness", summary="How repeats differ")
async def read_flakiness(
    request: Request,
    caller: Reader,
    batch_id: BatchPath,
    disagreeing: Annotated[bool, Query(description="Only samples whose repeats end differently.")] = True,  # noqa: FBT002  (a query parameter)
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Flakiness:
    """Of a batch that was submitted with ``repeat``: verdicts that disagree, and times that lie apart."""
    comparisons = get_parts(request).batches.comparisons
    return await comparisons.flakiness(batch_id, caller.tenant, _place(cursor), limit, disagreeing=disagreeing)


def _place(cursor: str | None) -> Pair:
    if cursor is None:
        return FIRST
    number, sample = cursor.split(".")
    return int(number), int(sample)
