"""What can be run, and where."""

from fastapi import APIRouter, Request

from cloche.api.checks import version_key
from cloche.api.parts import get_parts
from cloche.contracts.evaluation import RuntimesAnswer
from cloche.contracts.tasks import ExecutorsAnswer
from cloche.kit.http_app import PROBLEM_RESPONSES
from cloche.kit.people import Reader

router = APIRouter(prefix="/api/v1", tags=["catalogue"], responses=PROBLEM_RESPONSES)


@router.get("/runtimes", summary="What can be run")
async def runtimes(request: Request, caller: Reader) -> RuntimesAnswer:
    """Each runtime once, newest version first, as executors offered it in the last 24 hours."""
    answer = await get_parts(request).catalogue.executors()
    found = {(r.name, r.version): r for seen in answer.executors for r in seen.offer.runtimes}
    by_version = sorted(found.values(), key=lambda r: version_key(r.version), reverse=True)
    return RuntimesAnswer(runtimes=sorted(by_version, key=lambda r: r.name))


@router.get("/executors", summary="Where it can be run")
async def executors(request: Request, caller: Reader) -> ExecutorsAnswer:
    """Every executor as its worker last reported it."""
    return await get_parts(request).catalogue.executors()
