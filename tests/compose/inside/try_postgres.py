"""Run in a container: log in to PostgreSQL as PART and try statements; prints as JSON those that were not refused.

try_postgres.py PART STATEMENTS
"""

import asyncio
import json
import sys
from pathlib import Path

import asyncpg


async def main(dsn: str, statements: list[str]) -> None:
    session = await asyncpg.connect(dsn)
    let_through = []
    for statement in statements:
        try:
            await session.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            continue
        let_through.append(statement)
    await session.close()
    print(json.dumps(let_through))  # noqa: T201  (the answer to the test outside)


secrets = json.loads(Path(f"/run/secrets/{sys.argv[1]}").read_text())
asyncio.run(main(secrets["dsn"], json.loads(sys.argv[2])))
