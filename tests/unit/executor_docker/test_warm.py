"""The containers made ahead: which wait, and for whom they give way."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from cloche.contracts.limits import GIB, MIB
from cloche.executor.engines.docker.container_class import ContainerClass
from cloche.executor.engines.docker.slot import DockerSlot
from cloche.executor.engines.docker.warm import WarmContainers
from cloche.kit.errors import ClocheError, NoRoomError, OverloadedError


class FakeSlot:
    """A container of no Engine."""

    def __init__(self, of: ContainerClass, gone: Callable[[Any], None]) -> None:
        self.of = of
        self.taken = False
        self.alive = True
        self._gone = gone

    def on_exit(self, call: Callable[[Any], object]) -> None:
        self._on_exit = call

    def end(self) -> None:
        """As if it was killed."""
        self.alive = False
        self._on_exit(self)

    async def destroy(self) -> None:
        await asyncio.sleep(0)
        self._gone(self)


class Docker:
    """A pool of up to 4 of each class and 16 in all, and the Engine behind it."""

    def __init__(self) -> None:
        self.room = 100
        self.refuses: ClocheError | None = None
        self.pool = WarmContainers(self._make, each=4, most=16)
        self.live: list[FakeSlot] = []
        self.made = 0

    def kill(self) -> None:
        """End all that wait, as the end of the proxy does."""
        for slot in [slot for slot in self.live if not slot.taken]:
            slot.end()

    def waiting(self) -> Counter[str]:
        """How many wait, by image."""
        return Counter(slot.of.image for slot in self.live if not slot.taken)

    async def burst(self, of: ContainerClass, at_once: int) -> None:
        """Use so many of a class at once."""
        for slot in [await self.pool.take(of) for _ in range(at_once)]:
            await slot.destroy()

    async def settle(self) -> None:
        """Return once nothing is being made or removed."""
        while self.pool._tasks:
            await asyncio.gather(*self.pool._tasks)

    async def _make(self, of: ContainerClass) -> DockerSlot:
        await asyncio.sleep(0)
        if self.refuses is not None:
            raise self.refuses
        if len(self.live) >= self.room:
            raise NoRoomError
        slot = FakeSlot(of, self._gone)
        self.live.append(slot)
        self.made += 1
        return cast("DockerSlot", slot)

    def _gone(self, slot: Any) -> None:
        self.live.remove(slot)
        self.pool.gone(slot)


class Ended:
    """What waits for the exit of a container that was killed."""

    async def body(self, *, limit: int) -> bytes:
        return b'{"status_code": 137}'


@pytest.fixture
async def docker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Docker]:
    monkeypatch.setattr("cloche.executor.engines.docker.warm._PAUSE_S", 0.2)
    made = Docker()
    yield made
    await made.pool.close()
    assert made.live == []


def of(image: str, memory_bytes: int = 64 * MIB) -> ContainerClass:
    return ContainerClass(image, memory_bytes, 64, 64 * MIB, 4096)


async def test_a_class_that_comes_when_the_pool_is_full_gets_its_share(docker: Docker) -> None:
    for image in "abcd":
        await docker.burst(of(image), 4)
    await docker.settle()
    assert docker.waiting() == dict.fromkeys("abcd", 4)
    await docker.burst(of("e"), 4)
    await docker.settle()
    assert docker.waiting() == {"a": 4, "b": 3, "c": 3, "d": 3, "e": 3}


async def test_shares_stay_as_they_are_however_classes_alternate(docker: Docker) -> None:
    for image in "abcde":
        await docker.burst(of(image), 4)
    await docker.settle()
    before = list(docker.live)
    for image in "edcba":
        await docker.burst(of(image), 1)
        await docker.settle()
    assert docker.waiting() == {"a": 4, "b": 3, "c": 3, "d": 3, "e": 3}
    assert len([slot for slot in before if slot not in docker.live]) == 5  # those that were used, and no other


async def test_large_classes_do_not_keep_all_the_memory(docker: Docker) -> None:
    await docker.burst(of("large", GIB), 4)
    await docker.settle()
    assert docker.waiting() == {"large": 4}
    await docker.burst(of("small"), 2)
    await docker.settle()
    assert docker.waiting() == {"large": 3, "small": 2}


async def test_no_more_makes_room_than_is_needed_and_what_was_asked_for_last_stays(docker: Docker) -> None:
    for image in "ab":
        await docker.burst(of(image), 4)
    await docker.settle()
    docker.room = 8
    taken = await docker.pool.take(of("c"))
    assert docker.waiting() == {"a": 3, "b": 4}
    await taken.destroy()


async def test_all_who_need_room_at_once_get_it(docker: Docker) -> None:
    await docker.burst(of("a"), 4)
    await docker.settle()
    docker.room = 4
    taken = await asyncio.gather(*(docker.pool.take(of("b")) for _ in range(4)))
    with pytest.raises(NoRoomError):
        await docker.pool.take(of("c"))
    for slot in taken:
        await slot.destroy()


async def test_what_room_does_not_cure_ends_nothing_that_waits(docker: Docker) -> None:
    await docker.burst(of("a"), 4)
    await docker.settle()
    docker.refuses = OverloadedError("Containers are being made too fast.")
    with pytest.raises(OverloadedError):
        await docker.pool.take(of("b"))
    assert docker.waiting() == {"a": 4}


async def test_what_died_waiting_is_removed_and_replaced_though_nobody_asks(docker: Docker) -> None:
    for image in "ab":
        await docker.burst(of(image), 4)
    await docker.settle()
    docker.kill()
    assert len(docker.pool) == 0
    await docker.settle()
    assert docker.waiting() == {"a": 4, "b": 4}
    assert all(slot.alive for slot in docker.live)


async def test_what_died_is_not_replaced_at_once(docker: Docker) -> None:
    await docker.burst(of("a"), 1)
    await docker.settle()
    made = docker.made
    docker.kill()
    for _ in range(100):
        await asyncio.sleep(0)
    assert docker.live == []
    assert docker.made == made


async def test_a_slot_tells_that_its_container_has_ended() -> None:
    told = asyncio.get_running_loop().create_future()
    nothing: Any = None
    slot = DockerSlot(of("a"), "a", nothing, stream=nothing, waiting=cast("Any", Ended()), on_gone=nothing)
    slot.on_exit(told.set_result)
    assert await asyncio.wait_for(told, 5) is slot
    assert not slot.alive
