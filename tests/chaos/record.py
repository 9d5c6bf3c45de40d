"""Reads what a storm left behind: in PostgreSQL, around the services, and as a second reader is told it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import aiohttp

from cloche.stack import postgres_server

from .report import Stored

_STORED: Final = Path(__file__).with_name("stored.sql").read_text(encoding="utf-8")
_LEFT_OVER: Final = ("queue.task", "queue.outbox", "api_outbox", "batch_backlog", "awaiting_output", "poison_event")


async def read_stored(dsn: str) -> list[Stored]:
    """Every evaluation."""
    connection = await postgres_server.connect(dsn)
    try:
        return [_stored(row) for row in await connection.fetch(_STORED)]
    finally:
        await connection.close()


async def read_left_over(dsn: str) -> dict[str, int]:
    """What is still on its way, and events that could not be applied."""
    connection = await postgres_server.connect(dsn)
    try:
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in _LEFT_OVER}
    finally:
        await connection.close()


async def read_list(url: str) -> dict[str, str]:
    """The verdict of each finished evaluation by its id, as the API lists them."""
    verdicts: dict[str, str] = {}
    query: dict[str, Any] = {"limit": 200, "status": "finished"}
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/api/v1/evaluations", params=query) as answer:
                assert answer.status == 200, await answer.text()
                page = await answer.json()
            verdicts |= {item["id"]: item["verdict"] for item in page["items"]}
            if page["next"] is None:
                return verdicts
            query["cursor"] = page["next"]


def read_defects(folder: Path) -> Counter[str]:
    """What services called errors in their logs: an outage is none."""
    lines = (line for log in folder.glob("*.log") for line in log.read_text(encoding="utf-8").splitlines())
    return Counter(
        event["event"].strip() for line in lines if '"level": "error"' in line for event in [json.loads(line)]
    )


def _stored(row: Any) -> Stored:
    output = bytearray()
    for offset, piece in zip(row["offsets"], row["pieces"], strict=True):
        output[offset : offset + len(piece)] = piece
    execution = json.loads(row["records"][0])["execution"] if row["records"] else None
    return Stored(
        id=str(row["id"]),
        key=row["name"],
        verdict=row["verdict"] if row["status"] == "finished" else None,
        records=len(row["records"]),
        exit_code=execution["exit_code"] if execution else None,
        committed=tuple(row["verdicts"]),
        faults=row["faults"],
        output=output.decode(),
    )
