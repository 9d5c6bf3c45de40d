"""People's face, ``/queue/v1``: what waits, what runs, and why. The tenant always comes from the key."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query

from cloche.contracts.queue_view import (
    DeadLetter,
    DeadLetterPage,
    Dismissed,
    DismissRequest,
    LanesAnswer,
    LaneView,
    QueueStats,
    TaskView,
)
from cloche.kit.http_app import PROBLEM_RESPONSES
from cloche.kit.keys import Caller
from cloche.kit.people import Operator, Reader
from cloche.queue.dead import DeadLetters
from cloche.queue.people import PeopleView

PREFIX: Final = "/queue/v1"


def people_router(view: PeopleView, letters: DeadLetters) -> APIRouter:
    """The routes. The app's state holds ``keys``, a ``KeyRing``."""
    router = APIRouter(prefix=PREFIX, tags=["queue"], responses=PROBLEM_RESPONSES)

    @router.get("/stats")
    async def stats(caller: Reader) -> QueueStats:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Counts over your tenant; over all tenants for an operator."""
        return await view.stats(_scope(caller))

    @router.get("/tasks/{evaluation_id}")
    async def task(caller: Reader, evaluation_id: UUID) -> TaskView:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Where one evaluation's task stands, and why it is not running yet."""
        return await view.task(caller.tenant, evaluation_id)

    @router.get("/lanes")
    async def lanes(caller: Reader) -> LanesAnswer:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Every lane, with counts over your tenant; over all tenants for an operator."""
        return await view.lanes(_scope(caller))

    @router.post("/lanes/{lane}/pause")
    async def pause(_: Operator, lane: str) -> LaneView:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Lease nothing more from a lane; what runs goes on."""
        return await view.set_paused(lane, paused=True)

    @router.post("/lanes/{lane}/resume")
    async def resume(_: Operator, lane: str) -> LaneView:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Lease from a lane again."""
        return await view.set_paused(lane, paused=False)

    _add_dead_routes(router, letters)
    return router


def _add_dead_routes(router: APIRouter, letters: DeadLetters) -> None:
    @router.get("/dead")
    async def dead(  # pyright: ignore[reportUnusedFunction]  (a route)
        caller: Reader,
        after: Annotated[str | None, Query(max_length=200, description="The cursor of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        reason: Annotated[str | None, Query(max_length=200, description="Only those of this reason.")] = None,
    ) -> DeadLetterPage:
        """Evaluations that the platform could not run, newest first."""
        return await letters.page(_scope(caller), after, limit, reason)

    @router.get("/dead/{evaluation_id}")
    async def letter(caller: Reader, evaluation_id: UUID) -> DeadLetter:  # pyright: ignore[reportUnusedFunction]  (a route)
        """One of them."""
        return await letters.one(_scope(caller), evaluation_id)

    @router.post("/dead:dismiss")
    async def dismiss(_: Operator, request: DismissRequest) -> Dismissed:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Take some off the list, say after a rerun; their evaluations stay as they are. Idempotent."""
        return Dismissed(dismissed=await letters.dismiss(request.evaluation_ids))


def _scope(caller: Caller) -> str | None:
    """Whose tasks are counted: everybody's for an operator."""
    return None if caller.may("operate") else caller.tenant
