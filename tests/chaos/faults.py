"""Each kind of hurting, and its healing."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from .plan import Fault, What
from .storm_stack import StormStack

#: How long a part that is not there at the moment is waited for.
_PATIENCE_S: Final = 10.0

_Hurt: TypeAlias = Callable[[StormStack, Fault], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault of the plan, and how many processes, connections, disks or clocks it met: if none, it did not happen."""

    fault: Fault
    met: int


async def run_plan(stack: StormStack, plan: Sequence[Fault], tell: Callable[[str], None]) -> list[Happened]:
    """Let everything of ``plan`` happen at its time; returns when all is healed."""
    begun = asyncio.get_running_loop().time()
    return list(await asyncio.gather(*(_at_its_time(stack, fault, begun, tell) for fault in plan)))


async def _at_its_time(stack: StormStack, fault: Fault, begun: float, tell: Callable[[str], None]) -> Happened:
    await asyncio.sleep(begun + fault.at_s - asyncio.get_running_loop().time())
    met = await _HURTS[fault.what](stack, fault)
    tell(f"{fault}: met {met}")
    return Happened(fault, met)


async def _kill(stack: StormStack, fault: Fault) -> int:
    if fault.whom in stack.servers:
        server = stack.servers[fault.whom]
        met = server.kill()
        await asyncio.sleep(fault.for_s)
        server.start_again()
        return met
    return await _signal(stack, fault.whom, signal.SIGKILL)


async def _freeze(stack: StormStack, fault: Fault) -> int:
    met = await _signal(stack, fault.whom, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.for_s)
    finally:
        stack.signal(fault.whom, signal.SIGCONT)
    return met


async def _signal(stack: StormStack, name: str, number: signal.Signals) -> int:
    """To how many processes; one that starts just now is waited for."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not (met := stack.signal(name, number)):  # noqa: ASYNC110  (a file tells)
                await asyncio.sleep(0.1)
            return met
    except TimeoutError:
        return 0


async def _drop(stack: StormStack, fault: Fault) -> int:
    return stack.proxies[fault.whom].drop()


async def _half_close(stack: StormStack, fault: Fault) -> int:
    proxy = stack.proxies[fault.whom]
    met = proxy.half_close()
    await asyncio.sleep(fault.for_s)
    proxy.drop_half_closed()
    return met


async def _stall(stack: StormStack, fault: Fault) -> int:
    proxy = stack.proxies[fault.whom]
    met = proxy.stall()
    await asyncio.sleep(fault.for_s)
    proxy.flow()
    return met


async def _fill(stack: StormStack, fault: Fault) -> int:
    disk = stack.disks[fault.whom]
    met = disk.fill()
    await asyncio.sleep(fault.for_s)
    disk.free()
    return int(met)


async def _move_clock(stack: StormStack, fault: Fault) -> int:
    stack.clocks.move(fault.whom, fault.by_s)
    await asyncio.sleep(fault.for_s)
    stack.clocks.move(fault.whom, 0)
    return 1


_HURTS: Final[dict[What, _Hurt]] = {
    "kill": _kill,
    "freeze": _freeze,
    "drop": _drop,
    "half-close": _half_close,
    "stall": _stall,
    "fill": _fill,
    "clock": _move_clock,
}
