"""What the API's statements cost does not grow with what is stored: pages touched, counted by PostgreSQL itself.

Stored are 1,000 evaluations and then many more, a tenth of them waiting, and each rare value 20 times in both.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import asyncpg
import pytest

from cloche.api.store import _PLAN_ANEW, EvaluationStore, ListFilter
from cloche.kit.ids import uuid7
from cloche.kit.postgres import load_sql

TENANT, FEW, MANY, LIMIT = "t1", 1_000, 100_000, 50
#: One evaluation each 10 ms until now.
NOW_MS = int(datetime.now(UTC).timestamp() * 1000)
ID = f"(lpad(to_hex({NOW_MS} - ($1::bigint - i) * 10), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid"
#: Whether evaluation i has the rare values.
RARE = "i % ($1 / 20) = 3"
QUEUED = "i > $1 * 9 / 10"

ALL = "FROM generate_series(1, $1::integer) AS i"
DONE = f"{ALL} WHERE NOT ({QUEUED})"

FILL = [
    f"""
    INSERT INTO evaluation (id, tenant, name, labels, runtime, status, verdict, attempt, created_at, finished_at)
    SELECT {ID}, CASE WHEN i % 10 = 9 THEN 't2' ELSE '{TENANT}' END,
           CASE WHEN {RARE} THEN 'Needle ' || i WHEN i % 4 = 0 THEN '' ELSE 'problem ' || i % 164 END,
           jsonb_build_object('model', CASE WHEN {RARE} THEN 'rare' ELSE 'm' || i % 5 END, 'problem', i % 164),
           CASE WHEN {RARE} THEN 'cobol@3.1.2' WHEN i % 3 = 0 THEN 'python@3.11.2' ELSE 'javascript@20.1.0' END,
           CASE WHEN NOT ({QUEUED}) THEN 'finished' WHEN {RARE} THEN 'running' ELSE 'queued' END,
           CASE WHEN {QUEUED} THEN NULL WHEN {RARE} THEN 'internal_error'
                WHEN i % 2 = 0 THEN 'accepted' ELSE 'wrong_answer' END,
           1, now(), now() {ALL}""",
    f"INSERT INTO submission SELECT {ID}, convert_to(repeat('x', 300), 'UTF8') {ALL}",
    f"INSERT INTO verdict_record SELECT {ID}, convert_to(repeat('x', 700), 'UTF8') {DONE}",
    f"INSERT INTO output SELECT {ID}, 1, 1 + i % 2, 0, 'hello', 'e', 3, now() {DONE}",
    f"INSERT INTO case_result SELECT {ID}, 1, 0, convert_to(repeat('x', 200), 'UTF8'), 'e', 3 {DONE}",
    f"""INSERT INTO api_outbox (evaluation_id, kind, body)
        SELECT {ID}, 'enqueue', convert_to(repeat('x', 200), 'UTF8') {ALL} WHERE {QUEUED}""",
    f"""INSERT INTO idempotency_key (tenant, key, request_hash, evaluation_ids)
        SELECT '{TENANT}', 'key ' || i, sha256(i::text::bytea), ARRAY[{ID}] {ALL}""",
]
EMPTY = "TRUNCATE evaluation, idempotency_key CASCADE"
TABLES = "evaluation, submission, verdict_record, output, case_result, api_outbox, idempotency_key"

FILTERS = {
    "all": ListFilter(),
    "status queued": ListFilter(status="queued"),
    "status running": ListFilter(status="running"),
    "status finished": ListFilter(status="finished"),
    "verdict accepted": ListFilter(verdict="accepted"),
    "verdict internal_error": ListFilter(verdict="internal_error"),
    "verdict nobody has": ListFilter(verdict="compile_error"),
    "runtime python": ListFilter(runtime="python"),
    "runtime cobol": ListFilter(runtime="cobol"),
    "runtime cobol@3.1": ListFilter(runtime="cobol@3.1"),
    "runtime nobody has": ListFilter(runtime="ada"),
    "label of a fifth": ListFilter(label=("model", "m1")),
    "label rare": ListFilter(label=("model", "rare")),
    "label nobody has": ListFilter(label=("model", "x")),
    "name of many": ListFilter(name="problem"),
    "name rare": ListFilter(name="needle"),
    "name nobody has": ListFilter(name="haystack"),
}


@dataclass
class Explained:
    """A session in the pool's place that explains each SELECT it is asked for, and counts its pages."""

    session: Any
    pages: list[int] = field(default_factory=list[int])

    def acquire(self) -> "Explained":
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def transaction(self) -> Any:
        return self.session.transaction()

    async def execute(self, statement: str, *arguments: Any) -> Any:
        if statement == _PLAN_ANEW:
            return await self.session.execute(statement)
        return await self.fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> Any:
        return next(iter(await self.fetch(statement, *arguments)), None)

    async def fetch(self, statement: str, *arguments: Any) -> Any:
        plan = await self.session.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *arguments)
        root = json.loads(plan)[0]["Plan"]
        self.pages += [_touched(root), *(_touched(part) for part in root.get("Plans", ()) if _is_apart(part))]
        return []


def _is_apart(plan: dict[str, Any]) -> bool:
    """Whether it is a WITH that writes, which the statement's own count may leave out."""
    return plan["Node Type"] == "ModifyTable" and plan.get("Parent Relationship") == "InitPlan"


def _touched(plan: dict[str, Any]) -> int:
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.fixture(scope="module")
def database(new_database: Any) -> Any:
    return new_database()


@pytest.fixture
async def owner(database: Any) -> AsyncIterator[asyncpg.Connection]:
    """An administrator, who may leave checks out.

    Only the test vacuums: while autovacuum analyses, pages can't be marked visible to all, and other plans are cheaper.
    """
    connection = await asyncpg.connect(database.admin)
    for table in TABLES.split(", "):
        await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    yield connection
    await connection.close()


async def fill(owner: asyncpg.Connection, count: int) -> None:
    """Indexes are made when all is there, and what refers to it is not checked row by row."""
    await owner.execute(EMPTY)
    indexes = await owner.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'evaluation_by_%'")
    await owner.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
    for index in indexes:
        await owner.execute(f"DROP INDEX {index['indexname']}")
    for statement in (*FILL, *(index["indexdef"] for index in indexes)):
        await owner.execute(statement, *([count] if "$1" in statement else []), timeout=900)
    await owner.execute("RESET session_replication_role")
    while True:
        await owner.execute(f"VACUUM (ANALYZE, DISABLE_PAGE_SKIPPING) {TABLES}", timeout=900)
        # What began before and still runs anywhere keeps pages from being known as visible to all.
        if not await owner.fetchval(
            "SELECT count(*) FROM pg_class WHERE oid = 'evaluation'::regclass AND relallvisible < relpages"
        ):
            return


async def pages_of_all(owner: asyncpg.Connection) -> dict[str, int]:
    """How many pages each statement touches; what it changes is undone."""
    middle: Any = await owner.fetchval(
        "SELECT id FROM evaluation WHERE status = 'finished' AND tenant = $1"
        " ORDER BY id OFFSET (SELECT count(*) / 2 FROM evaluation) LIMIT 1",
        TENANT,
    )
    counted: dict[str, int] = {}
    for name, wanted in FILTERS.items():
        counted[f"list: {name}"] = await _pages(owner, lambda s, w=wanted: s.page(TENANT, w, cursor=None, limit=LIMIT))
    for name in ("all", "status finished", "verdict accepted"):
        page = FILTERS[name]
        counted[f"second page: {name}"] = await _pages(
            owner, lambda s, w=page: s.page(TENANT, w, cursor=middle, limit=LIMIT)
        )
    week = ListFilter(created_after=datetime.now(UTC) - timedelta(weeks=1), created_before=datetime.now(UTC))
    counted["list: of a week"] = await _pages(owner, lambda s: s.page(TENANT, week, cursor=None, limit=LIMIT))
    fresh, body = uuid7(), b"x" * 300
    for name, statement, arguments in [
        (
            "submit",
            "submit",
            (TENANT, [fresh], ["n"], ['{"model": "m1"}'], ["python"], [None], [body], [body], ["batch"], [0], [60]),
        ),
        ("detail", "detail", (middle, TENANT)),
        ("heads", "heads", (middle, 1, 65540)),
        ("written", "written", (middle, 1)),
        ("cases", "cases", (middle, 1)),
        ("chunks", "chunks", (middle, 1, 1, 0, 100, 64)),
        ("stored_end", "stored_end", (middle, 1, 1)),
        ("replay", "replay", (middle, 1, 1, -1)),
    ]:
        counted[name] = await _pages(
            owner, lambda s, t=statement, a=arguments: s._pool.fetch(load_sql("cloche.api", t), *a)
        )
    return counted


async def _pages(owner: asyncpg.Connection, work: Any) -> int:
    """Of the second time, when nothing is read for the first."""
    explained = Explained(owner)
    for _ in range(2):
        explained.pages.clear()
        transaction = owner.transaction()
        await transaction.start()
        await work(EvaluationStore(explained))  # pyright: ignore[reportArgumentType]  (a session in a pool's place)
        await transaction.rollback()
    return sum(explained.pages)


async def compare(owner: asyncpg.Connection, many: int) -> None:
    await fill(owner, FEW)
    few_pages = await pages_of_all(owner)
    await fill(owner, many)
    many_pages = await pages_of_all(owner)
    grown = {name: (few, many_pages[name]) for name, few in few_pages.items() if many_pages[name] > 2 * few}
    assert not grown, many_pages


async def test_no_statement_touches_more_than_twice_the_pages_with_100_times_as_much_stored(owner):
    await compare(owner, MANY)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_no_statement_touches_more_than_twice_the_pages_with_a_million_stored(owner):
    await compare(owner, 1_000_000)
