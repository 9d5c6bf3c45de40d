"""Each defence of the proxy switched off alone: the attacks that name it must then reach the Engine.

Else they prove nothing. An attack that more than one defence would refuse names the first; the others go off with
it, and it is shown to be refused by the first without them. ``make test-mutation`` runs this file; its name keeps
it out of every other run. The Engine is one that records, so no Docker is needed.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from attack import DEFENCES, ORDER, PROXIES, Attack, Defence
from attacks_on_orders import ON_ORDERS
from attacks_on_requests import ON_REQUESTS
from proxy_mutations import OFF, switch_off
from recording_engine import RecordingEngine

from cloche.dockerproxy import request
from cloche.dockerproxy.app import compose
from cloche.dockerproxy.calls import Calls
from cloche.dockerproxy.settings import ProxySettings
from cloche.kit.http_exchange import CHUNK_BYTES

ATTACKS = [*ON_ORDERS, *ON_REQUESTS]
FOREIGN = "f" * 64
#: How long the proxy waits for the rest of a slow request here, and the attacker before sending it.
DEADLINE_S, PATIENCE_S = 0.1, 0.6


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cloche-dm-", dir="/tmp") as name:
        yield Path(name)


async def reached(attack: Attack, folder: Path, patch: pytest.MonkeyPatch, off: tuple[Defence, ...]) -> list[bytes]:
    """What the Engine was told because of the attack, by a proxy without the defences ``off``."""
    request.parse_head.cache_clear()  # what a proxy with fewer defences understood
    recorder = RecordingEngine(switches=attack.defence != "engines-101")
    room = {} if attack.defence == "caps" else {"max_total_memory_bytes": 1 << 70, "max_total_cpus_milli": 1 << 40}
    settings = ProxySettings.model_validate(
        {"listen": "fd:3", "docker_socket": folder / "engine", "images": {"bash": "x", "python": "y"}}
        | room
        | PROXIES[attack.proxy]
    )
    async with recorder.listening(folder / "engine"):
        proxy, _ = await compose(settings)
        own = await _one_container(proxy._calls)
        before = len(recorder.said)
        switch_off(patch, off)
        listening = await asyncio.start_unix_server(proxy.connected, folder / "proxy", limit=CHUNK_BYTES)
        async with listening:
            await _play(folder / "proxy", attack.bytes_for(own=own, foreign=FOREIGN, name="foreign"), attack.late)
    return [bytes(said) for said in recorder.said[before:]]


async def _one_container(calls: Calls) -> str:
    order = {key: f'"{value}"' if isinstance(value, str) else value for key, value in ORDER.items()}
    body = ",".join(f'"{key}":{value}' for key, value in order.items())
    return await calls.create(f"{{{body}}}".encode())


async def _play(path: Path, sent: bytes, late: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(sent)
    with contextlib.suppress(OSError):
        if late:
            await _answered(reader)
            writer.write(late)
        writer.write_eof()
        await _answered(reader)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _answered(reader: asyncio.StreamReader) -> None:
    """Return when the proxy has said something and ended, or has been silent for long enough."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while await reader.read(65536):
                pass


def succeeded(attack: Attack, told: list[bytes]) -> bool:
    return bool(told) and attack.reaches in b"".join(told)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.defence}: {attack.name}")
async def test_an_attack_reaches_the_engine_without_its_defence_and_not_with_it_alone(
    attack: Attack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if attack.defence == "deadlines":
        monkeypatch.setattr(request, "HEAD_S", DEADLINE_S)
        monkeypatch.setattr(request, "BODY_S", DEADLINE_S)
    with monkeypatch.context() as patch:
        assert not succeeded(attack, told := await reached(attack, folder, patch, attack.also)), told
    (folder / "engine").unlink(missing_ok=True)
    (folder / "proxy").unlink(missing_ok=True)
    with monkeypatch.context() as patch:
        assert succeeded(attack, told := await reached(attack, folder, patch, (attack.defence, *attack.also))), told


def test_every_defence_can_be_switched_off() -> None:
    assert set(OFF) == set(DEFENCES)
