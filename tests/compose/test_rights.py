"""What a service's own logins may do in Redis and PostgreSQL, tried inside its container."""

import json
from pathlib import Path

import pytest

from .system import System

INSIDE = Path(__file__).parent / "inside"
REFUSED_IN_REDIS = [
    ["FLUSHALL"],
    ["CONFIG", "GET", "*"],
    ["KEYS", "*"],
    ["EVAL", "return 1", "0"],
    ["ACL", "LIST"],
    ["SHUTDOWN", "NOSAVE"],
    ["SET", "cloche:{s0}:ledger", "x"],
    ["XADD", "other", "*", "a", "b"],
    ["PUBLISH", "other", "x"],
    ["REPLICAOF", "NO", "ONE"],
]
ONLY_STORAGE_MAY = [["DEL", "cloche:x"], ["XTRIM", "cloche:x", "MINID", "0"], ["XACK", "cloche:x", "g", "1-1"]]
REFUSED_IN_POSTGRES = {
    "api": ["UPDATE evaluation SET verdict = 'accepted'", "SELECT * FROM queue.task", "DELETE FROM api_key"],
    "queue": ["SELECT * FROM evaluation", "SELECT * FROM submission", "UPDATE api_key SET revoked_at = NULL"],
    "storage": ["SELECT * FROM api_key", "SELECT * FROM submission", "SELECT * FROM queue.result"],
}
REFUSED_TO_ALL = [
    "CREATE TABLE x ()",
    "CREATE ROLE x",
    "ALTER ROLE cloche_api SUPERUSER",
    "COPY evaluation TO PROGRAM 'true'",
]


def tried(system: System, program: str, part: str, attempts: list) -> list:
    """Which of ``attempts`` the login of ``part`` was let through."""
    text = (INSIDE / program).read_text()
    return json.loads(system.inside(part, "python", "-c", text, part, json.dumps(attempts)))


@pytest.mark.parametrize("part", ["api", "queue", "worker", "storage"])
def test_a_redis_user_publishes_and_is_refused_what_would_harm_others(system: System, part: str) -> None:
    let_through = tried(system, "try_redis.py", part, REFUSED_IN_REDIS + ONLY_STORAGE_MAY)
    assert let_through == (ONLY_STORAGE_MAY if part == "storage" else [])


def test_nobody_enters_redis_without_a_password(system: System) -> None:
    ask = "exec 3<>/dev/tcp/redis-face/6379; printf 'GET cloche:epoch\\r\\n' >&3; head -n 1 <&3"
    assert system.inside("worker", "bash", "-c", ask).startswith("-NOAUTH")


@pytest.mark.parametrize("part", list(REFUSED_IN_POSTGRES))
def test_a_postgres_role_is_refused_the_tables_of_others(system: System, part: str) -> None:
    statements = ["SELECT 1", *REFUSED_IN_POSTGRES[part], *REFUSED_TO_ALL]
    assert tried(system, "try_postgres.py", part, statements) == ["SELECT 1"]
