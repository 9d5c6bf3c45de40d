"""One parameter an engine; every test of this suite runs on each."""

import ctypes
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.engines.engine import Engine, Toolchain
from cloche.executor.engines.local.engine import LocalEngine
from cloche.executor.runtimes import load_runtimes

sys.path.insert(0, str(Path(__file__).parent))
from bench import Bench

#: The runtimes that every engine must provide to be tested.
_RUNTIMES = ("bash", "python")
#: Finding a toolchain starts interpreters, so each engine is asked once.
_TOOLCHAINS: dict[tuple[str, str], Toolchain] = {}


def _local(_: pytest.FixtureRequest) -> Engine:
    return LocalEngine()


def _local_without_cgroups(_: pytest.FixtureRequest) -> Engine:
    return LocalEngine(cgroup_roots=("/nonexistent",))


def _process(_: pytest.FixtureRequest) -> Engine:
    return LocalEngine(tiers=("process",))


def _process_without_cgroups(_: pytest.FixtureRequest) -> Engine:
    return LocalEngine(tiers=("process",), cgroup_roots=("/nonexistent",))


def _docker(request: pytest.FixtureRequest) -> Engine:
    return DockerEngine(request.getfixturevalue("docker_proxy"), owner="conformance")


def _gvisor(request: pytest.FixtureRequest) -> Engine:
    return DockerEngine(request.getfixturevalue("gvisor_proxy"), owner="conformance")


ENGINES: dict[str, Callable[[pytest.FixtureRequest], Engine]] = {
    "docker": _docker,
    "gvisor": _gvisor,
    "local": _local,
    "local-without-cgroups": _local_without_cgroups,
    "process": _process,
    "process-without-cgroups": _process_without_cgroups,
}
#: The kernel does not count processes of the host's root, so without cgroups only users are limited.
AS_ROOT = os.geteuid() == 0
_SCOPES_SIGNALS = 6
_LANDLOCK_CREATE_RULESET = 444


def landlock_abi() -> int:
    """What the kernel itself says; below 1: it has none."""
    version_please = 1
    return ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, version_please)


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.docker if name in {"docker", "gvisor"} else ()) for name in ENGINES]
)
def engine_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name.startswith("process") and not AS_ROOT and landlock_abi() < _SCOPES_SIGNALS:
        pytest.skip("an ordinary user's process cells need Landlock that scopes signals (Linux 6.12)")
    return name


@pytest.fixture
def fresh_engine(engine_name: str, request: pytest.FixtureRequest) -> Engine:
    return ENGINES[engine_name](request)


@pytest.fixture
async def bench(engine_name: str, fresh_engine: Engine) -> AsyncIterator[Bench]:
    engine = fresh_engine
    await engine.start()
    try:
        runtimes = {runtime.name: runtime for runtime in load_runtimes(only=_RUNTIMES)}
        for name, runtime in runtimes.items():
            if (engine_name, name) not in _TOOLCHAINS:
                _TOOLCHAINS[engine_name, name] = (await engine.toolchains(runtime))[0]
        yield Bench(engine, {name: (runtime, _TOOLCHAINS[engine_name, name]) for name, runtime in runtimes.items()})
    finally:
        await engine.close()
