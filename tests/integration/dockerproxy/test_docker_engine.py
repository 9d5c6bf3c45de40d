"""The docker engine on its own: what it removes, refuses and leaves."""

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cloche.contracts.limits import MIB, CompileLimits, Limits
from cloche.executor.engines.docker.container_class import rounded_class
from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.engines.docker.slot import DockerSlot
from cloche.executor.engines.engine import (
    CellSpec,
    EngineBusyError,
    EngineError,
    EngineUnusableError,
    SlotStuckError,
    ToolchainMissingError,
)
from cloche.executor.launcher import protocol
from cloche.executor.ready_runtimes import ReadyRuntimes
from cloche.executor.runtimes import Runtime, load_runtimes

pytestmark = pytest.mark.docker

READY_FIELDS = f"version={protocol.VERSION}\0features=seccomp,no-capabilities\0".encode()
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


async def owned(proxy: Any, owner: str) -> list[str]:
    """The containers of an executor of that name."""
    return [container for container, label in (await proxy.client.labels()).items() if label.startswith(f"{owner}.")]


async def test_a_slot_is_gone_after_destroy_and_destroy_may_be_repeated(
    engine: DockerEngine, bash: Runtime, proxy: Any
) -> None:
    slot = await engine.open(await spec(engine, bash))
    assert await slot.read() == READY
    assert (await proxy.client.labels())[slot.container].startswith("engine-test.")
    await slot.destroy()
    await slot.destroy()
    assert slot.container not in await proxy.client.labels()
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
    assert await owned(proxy, "engine-test") == []
    assert await owned(proxy, "engine-test2") == [kept.container]
    await kept.destroy()
    await other.close()


async def test_cancelling_open_at_any_moment_leaves_nothing(engine: DockerEngine, bash: Runtime, proxy: Any) -> None:
    wanted = await spec(engine, bash)
    for patience_s in (0.0, 0.005, 0.02, 0.04, 0.08):
        opening = asyncio.create_task(engine.open(wanted))
        await asyncio.wait((opening,), timeout=patience_s)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    await engine.close()
    assert await owned(proxy, "engine-test") == []


async def test_memory_is_sampled_only_where_the_cgroup_allows_more_than_the_step(
    engine: DockerEngine, bash: Runtime
) -> None:
    wanted = await spec(
        engine, bash, limits=Limits(memory_bytes=32 * MIB), compile_limits=CompileLimits(memory_bytes=64 * MIB)
    )
    slot = await engine.open(wanted)
    await slot.confine(CompileLimits(memory_bytes=64 * MIB))
    assert not slot.sample_memory  # 64 MiB is a class of its own
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


@pytest.fixture
async def warm(proxy: Any) -> AsyncIterator[DockerEngine]:
    made = DockerEngine(proxy.address, owner="warm-test", ahead=2)
    await made.start()
    yield made
    await made.close()
    assert await owned(proxy, "warm-test") == []


async def _waiting(engine: DockerEngine, count: int) -> list[str]:
    """The containers made ahead, once there are that many."""
    async with asyncio.timeout(30):
        while True:
            found = [slot.container for slots in engine._warm._waiting.values() for slot in slots]
            if len(found) == count:
                return found
            await asyncio.sleep(0.02)


async def test_the_next_cell_of_a_kind_is_one_that_waited_and_none_is_used_twice(
    warm: DockerEngine, bash: Runtime, proxy: Any
) -> None:
    wanted = await spec(warm, bash)
    first = await warm.open(wanted)
    (waiting,) = await _waiting(warm, 1)
    await first.destroy()
    second = await warm.open(wanted)
    assert second.container == waiting
    assert await second.read() == READY
    await second.destroy()
    assert await _waiting(warm, 1) == await owned(proxy, "warm-test")
    assert waiting not in await owned(proxy, "warm-test")


async def test_limits_of_one_kind_share_what_waits_and_others_do_not(warm: DockerEngine, bash: Runtime) -> None:
    first = await warm.open(await spec(warm, bash, limits=Limits(memory_bytes=100 * MIB)))
    (waiting,) = await _waiting(warm, 1)
    other = await warm.open(await spec(warm, bash, limits=Limits(memory_bytes=300 * MIB)))
    assert other.container != waiting
    same = await warm.open(await spec(warm, bash, limits=Limits(memory_bytes=128 * MIB)))
    assert same.container == waiting
    for slot in (first, other, same):
        await slot.destroy()


async def test_a_container_that_died_waiting_is_not_handed_out(warm: DockerEngine, bash: Runtime, proxy: Any) -> None:
    wanted = await spec(warm, bash)
    first = await warm.open(wanted)
    (waiting,) = await _waiting(warm, 1)
    dead = warm._slots[waiting]
    await proxy.client.delete(waiting)
    async with asyncio.timeout(10):
        while dead.alive:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.01)
    second = await warm.open(wanted)
    assert await second.read() == READY
    await first.destroy()
    await second.destroy()


async def test_a_limit_that_no_class_fits_gets_a_container_of_its_own(start_proxy: Any, bash: Runtime) -> None:
    proxy = start_proxy(MAX_MEMORY_BYTES=str(100 * MIB))
    engine = DockerEngine(proxy.address, owner="warm-test", ahead=1)
    await engine.start()
    slot = await engine.open(await spec(engine, bash, limits=Limits(memory_bytes=90 * MIB)))
    assert not slot.sample_memory
    await _waiting(engine, 1)
    await slot.destroy()
    refused = [line for line in proxy.log.read_text().splitlines() if "memory_bytes: not an integer" in line]
    assert len(refused) == 1  # and no more are asked for ahead
    await engine.close()


async def _broken_off(slot: DockerSlot) -> None:
    """Its stream has ended."""
    async with asyncio.timeout(10):
        while await slot.read():
            pass


async def test_a_container_that_ended_by_itself_is_known_to_have(engine: DockerEngine, bash: Runtime) -> None:
    slot = await engine.open(await spec(engine, bash))
    await slot.write(b"no frame of the launcher's protocol, so that it ends")
    await _broken_off(slot)
    assert (await slot.post_mortem()).source == "cgroup"
    await slot.destroy()


async def test_a_container_that_somebody_removed_did_not_end_by_its_program(
    engine: DockerEngine, bash: Runtime, proxy: Any
) -> None:
    slot = await engine.open(await spec(engine, bash))
    await proxy.client.delete(slot.container)
    await _broken_off(slot)
    with pytest.raises(EngineError, match="lost with the Docker Engine"):
        await slot.post_mortem()
    await slot.destroy()


async def test_a_proxy_that_dies_is_no_doing_of_the_program(start_proxy: Any, bash: Runtime) -> None:
    proxy = start_proxy()
    engine = DockerEngine(proxy.address, owner="killed-test")
    await engine.start()
    slot = await engine.open(await spec(engine, bash))
    proxy.process.kill()
    proxy.process.wait()
    with pytest.raises(EngineUnusableError):
        await engine.check()
    await _broken_off(slot)
    with pytest.raises(EngineError, match="lost with the Docker Engine"):
        await slot.post_mortem()
    proxy.start()
    await engine.check()
    await slot.destroy()
    assert await owned(proxy, "killed-test") == []
    await engine.close()


async def test_what_could_not_be_removed_is_tried_again_until_it_is_gone(
    start_proxy: Any, bash: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloche.executor.engines.docker.slot.DESTROY_S", 0.2)
    proxy = start_proxy()
    engine = DockerEngine(proxy.address, owner="stuck-test")
    await engine.start()
    slot = await engine.open(await spec(engine, bash))
    proxy.process.kill()
    proxy.process.wait()
    with pytest.raises(SlotStuckError) as stuck:
        await slot.destroy()
    proxy.start()
    assert stuck.value.gone is not None
    await asyncio.wait_for(stuck.value.gone, 20)
    assert await owned(proxy, "stuck-test") == []
    await engine.close()


async def test_what_waits_makes_room_for_what_is_wanted(start_proxy: Any, bash: Runtime) -> None:
    proxy = await asyncio.to_thread(start_proxy, MAX_CONTAINERS="2")
    engine = DockerEngine(proxy.address, owner="room-test", ahead=1)
    await engine.start()
    try:
        first = await engine.open(await spec(engine, bash, limits=Limits(memory_bytes=64 * MIB)))
        await _waiting(engine, 1)
        second = await engine.open(await spec(engine, bash, limits=Limits(memory_bytes=300 * MIB)))
        with pytest.raises(EngineBusyError):
            await engine.open(await spec(engine, bash))
        await engine.check()  # nothing is wrong
        await first.destroy()
        await second.destroy()
    finally:
        await engine.close()


async def test_a_runtime_is_tested_once_there_is_room_and_not_refused_before(start_proxy: Any, bash: Runtime) -> None:
    proxy = await asyncio.to_thread(start_proxy, MAX_CONTAINERS="1")
    engine = DockerEngine(proxy.address, owner="room-test")
    await engine.start()
    try:
        ready = ReadyRuntimes(engine, [bash])
        await ready.check()
        assert [offer.name for offer in ready.offers()] == ["bash"]
        taken = await engine.open(await spec(engine, bash))
        checking = asyncio.create_task(ready.check())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.shield(checking)
        assert [offer.name for offer in ready.offers()] == ["bash"]
        await taken.destroy()
        await checking
        assert (len(ready.offers()), ready.refused()) == (1, {})
    finally:
        await engine.close()


async def test_cells_of_an_executor_whose_name_begins_alike_are_left_alone(proxy: Any, bash: Runtime) -> None:
    other = DockerEngine(proxy.address, owner="host.two")
    await other.start()
    slot = await other.open(await spec(other, bash))
    await DockerEngine(proxy.address, owner="host").start()
    assert await slot.read() == READY
    await other.close()


async def test_silence_is_the_proxys_doing_where_it_does_not_answer(start_proxy: Any, bash: Runtime) -> None:
    proxy = await asyncio.to_thread(start_proxy)
    engine = DockerEngine(proxy.address, owner="silent-test")
    await engine.start()
    slot = await engine.open(await spec(engine, bash))
    assert (await slot.post_mortem()).oom_kills == 0  # it runs: its silence is its own
    proxy.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(EngineError, match="lost with the Docker Engine"):
            await slot.post_mortem()
    finally:
        proxy.process.send_signal(signal.SIGCONT)
    await engine.close()


async def test_an_image_that_is_gone_makes_the_engine_unusable_once(start_proxy: Any, bash: Runtime) -> None:
    proxy = await asyncio.to_thread(start_proxy)
    engine = DockerEngine(proxy.address, owner="gone-test")
    await engine.start()
    wanted = await spec(engine, bash)
    engine._failed = rounded_class("no-such-image", wanted)
    with pytest.raises(EngineUnusableError, match="no such image"):
        await engine.check()
    await engine.check()
    await engine.close()
