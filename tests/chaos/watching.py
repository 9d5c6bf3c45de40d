"""Programs that betray any mixing of attempts, and readers that notice any gap, repeat or changed verdict."""

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import aiohttp

LINES = 12


def program(pause_s: float) -> str:
    """Each attempt draws its own token; every line and the exit status depend on it."""
    return f"""
import secrets, sys, time
token = secrets.token_hex(8)
for line in range({LINES}):
    print(token, line, flush=True)
    time.sleep({pause_s})
sys.exit(int(token, 16) % 7)
"""


PROGRAM = program(0.03)
#: The same in the language of the smallest image: 56 bits, so that its arithmetic knows no sign.
PROGRAM_IN_BASH = f"""
token=00$(od -An -N7 -tx1 /dev/urandom | tr -d ' \\n')
for ((line = 0; line < {LINES}; line++)); do
    echo "$token $line"
    sleep 0.03
done
exit $((16#$token % 7))
"""
SOURCES = {"python": PROGRAM, "bash": PROGRAM_IN_BASH}
LINE = re.compile(r"([0-9a-f]{16}) (\d+)")
AWAY = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass
class Seen:
    """What one reader was told. ``torn`` are places where output did not go on where it ended, ``gaps`` those told."""

    output: dict[str, str] = field(default_factory=dict[str, str])
    verdicts: list[str] = field(default_factory=list[str])
    torn: list[str] = field(default_factory=list[str])
    gaps: int = 0
    retried: int = 0
    last_id: str | None = None
    connections: int = 0
    statuses: dict[int, int] = field(default_factory=dict[int, int])
    #: Each event: which connection brought it, its id, its kind.
    heard: list[str] = field(default_factory=list[str])


async def submit(session: aiohttp.ClientSession, url: str, key: str, runtime: str = "python") -> str:
    """Submit until it is accepted; the key makes repeats safe."""
    while True:
        try:
            async with session.post(
                f"{url}/api/v1/evaluations",
                json={"runtime": runtime, "source": SOURCES[runtime]},
                headers={"Idempotency-Key": key},
            ) as answer:
                if answer.status == 201:
                    return (await answer.json())["id"]
                assert answer.status in {422, 503}, await answer.text()
        except AWAY:
            pass
        await asyncio.sleep(0.2)


async def watch(session: aiohttp.ClientSession, url: str, evaluation_id: str, seen: Seen | None = None) -> Seen:
    """Follow to the verdict over as many connections as it takes; ``seen`` grows meanwhile."""
    seen = seen or Seen()
    while not seen.verdicts:
        headers = {"Last-Event-ID": seen.last_id} if seen.last_id else {}
        seen.connections += 1
        with contextlib.suppress(*AWAY):
            async with session.get(f"{url}/api/v1/evaluations/{evaluation_id}/events", headers=headers) as stream:
                seen.statuses[stream.status] = seen.statuses.get(stream.status, 0) + 1
                if stream.status == 200:
                    await _read(stream, seen)
        if not seen.verdicts:
            await asyncio.sleep(0.2)
    return seen


async def stored(session: aiohttp.ClientSession, url: str, evaluation_id: str) -> dict[str, Any]:
    """The evaluation as it is stored."""
    async with session.get(f"{url}/api/v1/evaluations/{evaluation_id}") as answer:
        return await answer.json()


def check(view: dict[str, Any], seen: Seen) -> None:
    """One verdict, one token, no gap, no repeat, and the reader saw what is stored."""
    text = view["stdout"]["text"]
    lines = LINE.findall(text)
    assert {token for token, _ in lines} == {lines[0][0]}, text
    assert [int(number) for _, number in lines] == list(range(LINES)), text
    status = int(lines[0][0], 16) % 7
    assert view["exit_code"] == status
    assert view["verdict"] == ("accepted" if status == 0 else "runtime_error")
    assert view["stdout"]["missing"] == []
    assert seen.torn == []
    assert seen.verdicts == [view["verdict"]]
    assert seen.output.get("stdout", "") == text


async def _read(stream: aiohttp.ClientResponse, seen: Seen) -> None:
    event: dict[str, str] = {}
    async for raw in stream.content:
        line = raw.decode().rstrip("\n")
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
            continue
        kind, data = event.get("event"), event.get("data", "{}")
        seen.last_id = event.get("id", seen.last_id)
        seen.heard.append(f"{seen.connections} {event.get('id')} {kind}")
        event = {}
        _take(kind, data, seen)


def _take(kind: str | None, data: str, seen: Seen) -> None:
    match kind:
        case "evaluation.retried":
            seen.output.clear()
            seen.retried += 1
        case "output":
            body = json.loads(data)
            before = seen.output.get(body["stream"], "")
            if body["offset"] != len(before):
                seen.torn.append(f"{body['stream']}: {body['offset']} after {len(before)}")
            seen.output[body["stream"]] = before + body["text"]
        case "gap":
            body = json.loads(data)
            before = seen.output.get(body["stream"], "")
            seen.output[body["stream"]] = before + "?" * (body["to"] - len(before))
            seen.gaps += 1
        case "evaluation.finished":
            seen.verdicts.append(json.loads(data)["verdict"])
        case _:
            pass
