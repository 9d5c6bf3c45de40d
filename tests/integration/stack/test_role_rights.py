"""Each PostgreSQL role does what its service must and nothing that DESIGN.md section 1 forbids."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

EVALUATION = "01890000-0000-7000-8000-000000000001"
IDS = f"ARRAY['{EVALUATION}'::uuid]"
REFUSED = {
    "api": [
        "UPDATE evaluation SET status = 'finished'",
        "UPDATE evaluation SET verdict = 'accepted'",
        "DELETE FROM evaluation",
        "INSERT INTO evaluation (id, tenant, runtime, verdict) VALUES (gen_random_uuid(), 't', 'r', 'accepted')",
        "INSERT INTO output VALUES (gen_random_uuid(), 1, 1, 0, '', null, null, now())",
        "UPDATE submission SET program = ''",
        "DELETE FROM verdict_record",
        "INSERT INTO verdict_record (evaluation_id, record) VALUES (gen_random_uuid(), '')",
        "UPDATE api_key SET scopes = '{admin}'",
        "DELETE FROM api_key",
        "SELECT * FROM storage_cursor",
        "SELECT * FROM queue.task",
        "SELECT queue.prepare_days(1)",
        "DELETE FROM batch",
        "UPDATE batch SET tenant = 'other'",
        "DELETE FROM problem",
        "UPDATE frame SET body = ''",
        "UPDATE batch_problem SET n = 1, c = 1",
        "DELETE FROM batch_count",
    ],
    "storage": [
        "SELECT * FROM api_key",
        "SELECT * FROM batch_backlog",
        "SELECT body FROM problem",
        "SELECT body FROM frame",
        "UPDATE batch SET cancelled_at = now()",
        "UPDATE batch_problem SET key = ''",
        "UPDATE evaluation SET superseded = true",
        f"SELECT forget_evaluation('{EVALUATION}', 't')",
        "SELECT * FROM idempotency_key",
        "SELECT * FROM api_outbox",
        "SELECT * FROM submission",
        "INSERT INTO evaluation (id, tenant, runtime) VALUES (gen_random_uuid(), 't', 'r')",
        "UPDATE evaluation SET tenant = 'other'",
        "UPDATE evaluation SET cancel_requested = true",
        "SELECT * FROM queue.result",
    ],
    "queue": [
        "SELECT * FROM batch",
        "SELECT * FROM problem",
        f"SELECT forget_evaluation('{EVALUATION}', 't')",
        "SELECT * FROM evaluation",
        "SELECT * FROM submission",
        "SELECT * FROM output",
        "SELECT * FROM case_result",
        "SELECT * FROM verdict_record",
        "UPDATE evaluation SET verdict = 'accepted'",
        "INSERT INTO api_key (id, secret_hash, tenant, scopes) VALUES ('x', '', 't', '{admin}')",
        "UPDATE api_key SET revoked_at = NULL",
        "DELETE FROM api_key",
        "UPDATE queue.result SET record = ''",
        "DELETE FROM queue.result",
    ],
}
REFUSED_TO_ALL = [
    "CREATE TABLE public.mine (a int)",
    "CREATE SCHEMA mine",
    "CREATE TEMPORARY TABLE mine (a int)",
    "CREATE ROLE other",
    "SET ROLE cloche_owner",
    "DROP TABLE evaluation",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT * FROM alembic_version",
    "SELECT rolpassword FROM pg_authid",
]
ALLOWED = {
    "api": [
        f"INSERT INTO evaluation (id, tenant, runtime) VALUES ('{EVALUATION}', 't', 'python')",
        f"INSERT INTO submission VALUES ('{EVALUATION}', 'print()')",
        f"INSERT INTO api_outbox (evaluation_id, kind) VALUES ('{EVALUATION}', 'enqueue')",
        f"INSERT INTO idempotency_key (tenant, key, request_hash, evaluation_ids) VALUES ('t', 'k', '', {IDS})",
        "UPDATE evaluation SET cancel_requested = true",
        "DELETE FROM api_outbox",
        "SELECT * FROM api_key",
        f"SELECT forget_evaluation('{EVALUATION}', 't')",
    ],
    "storage": [
        "UPDATE evaluation SET status = 'running', attempt = 1",
        f"INSERT INTO output VALUES ('{EVALUATION}', 1, 1, 0, 'hi', 'e', 1, now())",
        f"INSERT INTO case_result (evaluation_id, attempt, case_index, body) VALUES ('{EVALUATION}', 1, 0, '')",
        f"INSERT INTO verdict_record (evaluation_id, record) VALUES ('{EVALUATION}', '{{}}')",
        "UPDATE evaluation SET status = 'finished', verdict = 'accepted'",
        "INSERT INTO poison_event (ledger_id, shard, reason, fields) VALUES ('1', 0, 'r', '{}')",
        "DELETE FROM evaluation",
        "DELETE FROM problem WHERE created_at < now()",
        "UPDATE batch SET deleted_at = now()",
        "DELETE FROM batch",
    ],
    "queue": [
        "SELECT secret_hash, tenant, scopes FROM api_key",
        "SELECT queue.prepare_days(1)",
        "SELECT * FROM queue.task FOR UPDATE SKIP LOCKED",
        "DELETE FROM queue.outbox",
    ],
}


@pytest.fixture
async def sessions(database) -> AsyncIterator[dict[str, Any]]:
    """One session a service."""
    opened = {service: await asyncpg.connect(getattr(database, service)) for service in REFUSED}
    yield opened
    for connection in opened.values():
        await connection.close()


CASES = [(service, statement) for service, own in REFUSED.items() for statement in [*own, *REFUSED_TO_ALL]]


@pytest.mark.parametrize(("service", "statement"), CASES)
async def test_a_role_is_refused_what_its_service_must_not_do(sessions, service, statement) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await sessions[service].execute(statement)


async def test_each_role_can_do_its_work(sessions) -> None:
    for service, statements in ALLOWED.items():
        for statement in statements:
            await sessions[service].execute(statement)


async def test_no_role_of_a_service_is_more_than_a_login(sessions) -> None:
    rows = await sessions["api"].fetch(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'cloche\\_%' AND rolname <> 'cloche_admin' "
        "AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
    )
    assert rows == []


async def test_another_database_is_closed_to_strangers(database, postgres) -> None:
    admin = await asyncpg.connect(database.admin)
    await admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'x'")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(postgres.server.dsn("stranger", "x", database.name))
    finally:
        await admin.execute("DROP ROLE stranger")
        await admin.close()
