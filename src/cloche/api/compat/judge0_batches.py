"""Batches of submissions: each is accepted or refused by itself, those accepted in one transaction."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Request

from cloche.api.compat.doorway import built
from cloche.api.compat.judge0_errors import as_errors
from cloche.api.compat.running import submit_group
from cloche.contracts.problem import FieldProblem
from cloche.contracts.submission import EvaluationRequest
from cloche.kit.errors import InvalidRequestError
from cloche.kit.keys import Caller


async def accepted_batch(
    request: Request, caller: Caller, items: Sequence[Any], make: Callable[[Any], EvaluationRequest]
) -> list[dict[str, Any]]:
    """For each item in its order its token, or what is wrong with it.

    Raises:
        OverloadedError: the tenant has as much queued as it may; then none is accepted.
    """
    answers: dict[int, dict[str, Any]] = {}
    good: dict[int, EvaluationRequest] = {}
    for index, item in enumerate(items):
        try:
            good[index] = built(lambda item=item: make(item))
        except InvalidRequestError as error:
            answers[index] = _errors(error)
    while good:
        order = list(good)
        try:
            ids = await submit_group(request, caller, list(good.values()))
        except InvalidRequestError as error:
            refused = _by_item(error, order)
            if not refused:
                raise
            answers |= refused
            good = {index: body for index, body in good.items() if index not in refused}
        else:
            answers |= {index: {"token": str(id_)} for index, id_ in zip(order, ids, strict=True)}
            break
    return [answers[index] for index in range(len(items))]


def _errors(error: InvalidRequestError) -> dict[str, Any]:
    return dict(as_errors(error.errors)) if error.errors else {"base": [error.detail]}


def _by_item(error: InvalidRequestError, order: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The problems of ``evaluations.<n>.<field>``, by the item that the n-th was."""
    found: dict[int, list[FieldProblem]] = {}
    for problem in error.errors or ():
        _, number, field = (*problem.field.split(".", 2), "", "")[:3]
        if number.isdecimal() and int(number) < len(order):
            named = problem.model_copy(update={"field": field})
            found.setdefault(order[int(number)], []).append(named)
    return {index: dict(as_errors(problems)) for index, problems in found.items()}
