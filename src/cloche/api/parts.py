"""What the routes work with, built once by ``app.py``."""

from dataclasses import dataclass

from fastapi import Request

from cloche.api.batches.service import Batches
from cloche.api.bells import Bells
from cloche.api.catalogue import CatalogueReader
from cloche.api.metrics import Metrics
from cloche.api.service import Evaluations
from cloche.api.store import EvaluationStore
from cloche.api.watch import Follower


@dataclass(frozen=True, slots=True)
class Parts:
    """The application's parts."""

    store: EvaluationStore
    evaluations: Evaluations
    batches: Batches
    catalogue: CatalogueReader
    follower: Follower
    bells: Bells
    max_readers: int
    metrics: Metrics


def get_parts(request: Request) -> Parts:
    """The parts of the application that serves ``request``."""
    return request.app.state.parts
