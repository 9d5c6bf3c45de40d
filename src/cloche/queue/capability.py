"""What a set of executors can run, in the form that a statement can match: exact wanted names, ranked isolation."""

from collections.abc import Iterable

from cloche.contracts.execution import ExecutorOffer, RuntimeOffer
from cloche.contracts.words import ISOLATION_ORDER, Isolation, satisfies


def rank(isolation: Isolation) -> int:
    """Where a level stands from weakest (0) to strongest."""
    return ISOLATION_ORDER.index(isolation)


def wanted_names(runtime: RuntimeOffer) -> set[str]:
    """Every text that ``runtime.answers_to``: each name, alone and with each leading part of the version.

    ``3.12.1`` answers to ``python``, ``python@3``, ``python@3.12`` and ``python@3.12.1``.
    """
    parts = runtime.version.split(".")
    versions = {"", *(".".join(parts[: i + 1]) for i in range(len(parts)))}
    names = {name for name in (runtime.name, *runtime.aliases) if "@" not in name}
    return {f"{name}@{version}" for name in names for version in versions} | names


def strongest_by_wanted(executors: Iterable[ExecutorOffer]) -> dict[str, int]:
    """For each wanted name the rank of the strongest isolation that a healthy executor runs it in."""
    strongest: dict[str, int] = {}
    for executor in executors:
        if not executor.healthy:
            continue
        level = rank(executor.isolation)
        for runtime in executor.runtimes:
            for name in wanted_names(runtime):
                strongest[name] = max(level, strongest.get(name, 0))
    return strongest


def can_run(executors: Iterable[ExecutorOffer], runtime: str, isolation: Isolation) -> bool:
    """Whether a healthy one of ``executors`` may run what wants ``runtime`` at least at ``isolation``."""
    return any(
        executor.healthy
        and satisfies(executor.isolation, isolation)
        and any(offer.answers_to(runtime) for offer in executor.runtimes)
        for executor in executors
    )
