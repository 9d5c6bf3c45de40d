"""What each service's ``/metrics`` tells beside its own: which build it is, its process, its HTTP."""

from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, disable_created_metrics

import cloche
from cloche.kit.http_metrics import HttpMeters

#: In seconds, for what takes from a few milliseconds to minutes.
DURATIONS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

#: Stands in a label for every value that is not one of a known few.
OTHER: Final = "other"

_PACKAGE: Final = Path(str(cloche.__file__)).parent


class ServiceRegistry(CollectorRegistry):
    """The registry of one service. A label's values are words of Cloche's own, never what somebody sent."""

    def __init__(self, service: str) -> None:
        disable_created_metrics()  # as many series again, which nobody reads
        super().__init__()
        build = Gauge("cloche_build_info", "1; its labels say what runs here.", ["service", "version"], registry=self)
        build.labels(service, _version()).set(1)
        ProcessCollector(registry=self)

    @cached_property
    def http(self) -> HttpMeters:
        """What its HTTP applications count together."""
        return HttpMeters(self)


def _version() -> str:
    """What is installed; sources that were only unpacked do not say."""
    try:
        return version("cloche")
    except PackageNotFoundError:
        return "unknown"


def runtime_names() -> frozenset[str]:
    """The runtimes that come with Cloche: those that may be a label's value, whatever an executor names its own."""
    # In a wheel the files lie in the package, in a checkout beside it.
    places = (_PACKAGE / "executor" / "runtimes", _PACKAGE.parents[1] / "runtimes")
    return frozenset(path.stem for place in places for path in place.glob("*.toml"))
