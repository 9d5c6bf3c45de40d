"""The docker engine on its own: what it removes, refuses and leaves."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cloche.contracts.limits import MIB, CompileLimits, Limits
from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.engines.engine import CellSpec, EngineError, EngineUnusableError, ToolchainMissingError
from cloche.executor.runtimes import Runtime, load_runtimes

pytestmark = pytest.mark.docker

READY_FIELDS = b"version=2\x00features=seccomp,no-capabilities\x00"
READY = b"R" + len(READY_FIELDS).to_bytes(4, "big") + READY_FIELDS


@pytest.fixture
def bash() -> Runtime:
    return load_runtimes(only=("bash",))[0]


@pytest.fixture
async def engine(proxy: Any) -> AsyncIterator[DockerEngine]:
    made = DockerEngine(proxy.address, owner="engine-test")
    await made.start()
    yield made
    await made.close()


async def spec(engine: DockerEngine, runtime: Runtime, **fields: Any) -> CellSpec:
    return CellSpec("cell 1", runtime, (await engine.toolchains(runtime))[0], fields.pop("limits", Limits()), **fields)


async def test_a_slot_is_gone_after_destroy_and_destroy_may_be_repeated(
    engine: DockerEngine, bash: Runtime, proxy: Any
) -> None:
    slot = await engine.open(await spec(engine, bash))
    assert await slot.read() == READY
    assert "engine-test.cell-1" in (await proxy.client.labels()).values()
    await slot.destroy()
    await slot.destroy()
    assert "engine-test.cell-1" not in (await proxy.client.labels()).values()
    with pytest.raises(EngineError):
        await slot.write(b"x")


async def test_what_a_former_process_left_is_removed_and_others_stay(
    engine: DockerEngine, bash: Runtime, proxy: Any
) -> None:
    other = DockerEngine(proxy.address, owner="engine-test2")
    await other.start()
    await engine.open(await spec(engine, bash))
    kept = await other.open(await spec(other, bash))
    await DockerEngine(proxy.address, owner="engine-test").start()
    assert set((await proxy.client.labels()).values()) & {"engine-test.cell-1", "engine-test2.cell-1"} == {
        "engine-test2.cell-1"
    }
    await kept.destroy()


async def test_cancelling_open_at_any_moment_leaves_nothing(engine: DockerEngine, bash: Runtime, proxy: Any) -> None:
    wanted = await spec(engine, bash)
    for patience_s in (0.0, 0.005, 0.02, 0.04, 0.08):
        opening = asyncio.create_task(engine.open(wanted))
        await asyncio.wait((opening,), timeout=patience_s)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    await engine.close()
    assert "engine-test.cell-1" not in (await proxy.client.labels()).values()


async def test_memory_is_sampled_only_where_the_cgroup_allows_more_than_the_step(
    engine: DockerEngine, bash: Runtime
) -> None:
    wanted = await spec(
        engine, bash, limits=Limits(memory_bytes=32 * MIB), compile_limits=CompileLimits(memory_bytes=64 * MIB)
    )
    slot = await engine.open(wanted)
    await slot.confine(CompileLimits(memory_bytes=64 * MIB))
    assert not slot.sample_memory
    await slot.confine(wanted.limits)
    assert slot.sample_memory
    await slot.destroy()


async def test_a_limit_below_what_the_engine_can_set_is_sampled(engine: DockerEngine, bash: Runtime) -> None:
    slot = await engine.open(await spec(engine, bash, limits=Limits(memory_bytes=4 * MIB)))
    assert await slot.read() == READY
    assert slot.sample_memory
    await slot.destroy()


async def test_a_runtime_without_an_image_here_is_not_offered(engine: DockerEngine, bash: Runtime) -> None:
    assert bash.image is not None
    other = bash.model_copy(update={"image": bash.image.model_copy(update={"alias": "cobol"})})
    with pytest.raises(ToolchainMissingError, match="cobol"):
        await engine.toolchains(other)
    with pytest.raises(ToolchainMissingError):
        await engine.toolchains(bash.model_copy(update={"image": None}))


async def test_without_a_proxy_the_engine_is_unusable(tmp_path: Any) -> None:
    with pytest.raises(EngineUnusableError, match="dockerproxy"):
        await DockerEngine(f"unix:{tmp_path}/none", owner="x").start()
