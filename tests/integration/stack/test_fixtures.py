"""The shared servers do what every other test relies on."""

import asyncpg
import pytest

from cloche.kit.bus import Bus, Group, NewEvent


async def test_each_role_logs_in_to_a_migrated_database(database) -> None:
    for dsn, role in [
        (database.api, "cloche_api"),
        (database.queue, "cloche_queue"),
        (database.storage, "cloche_storage"),
    ]:
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT current_user") == role
        await connection.close()


async def test_a_fresh_database_is_empty(new_database) -> None:
    first, second = new_database(), new_database()
    for database in (first, second):
        connection = await asyncpg.connect(database.owner)
        assert await connection.fetchval("SELECT count(*) FROM evaluation") == 0
        await connection.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES (gen_random_uuid(), 't', 'r')")
        await connection.close()


@pytest.mark.parametrize("user", ["api", "queue", "worker", "storage"])
async def test_each_user_publishes(redis_urls, user) -> None:
    bus = Bus.connect(redis_urls[user])
    await bus.epoch()
    assert await bus.publish(Group("s", user, 1, [NewEvent(1, "t", "b")], in_list=True)) == 1
    await bus.close()
