"""Run in a container: log in to Redis as PART and try commands; prints as JSON those that were not refused.

try_redis.py PART COMMANDS
"""

import asyncio
import json
import sys
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from cloche.kit.bus import Bus, Group, NewEvent


async def main(part: str, url: str, commands: list[list[str]]) -> None:
    bus, redis = Bus.connect(url), Redis.from_url(url)
    assert await bus.publish(Group(f"try-{part}", part, 1, [NewEvent(1, "t", b"x")], ledger=False)) == 1
    let_through = []
    for command in commands:
        try:
            await redis.execute_command(*command)
        except NoPermissionError:
            continue
        let_through.append(command)
    await redis.aclose()
    await bus.close()
    print(json.dumps(let_through))  # noqa: T201  (the answer to the test outside)


secrets = json.loads(Path(f"/run/secrets/{sys.argv[1]}").read_text())
asyncio.run(main(sys.argv[1], secrets["redis_url"], json.loads(sys.argv[2])))
