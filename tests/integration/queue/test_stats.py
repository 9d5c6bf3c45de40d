"""Statistics by lane and tenant."""

from datetime import timedelta

import httpx

from cloche.kit.clock import iso, now


async def stats(queue):
    transport = httpx.ASGITransport(queue.service.public, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return (await http.get("/queue/v1/stats")).json()


async def test_shares_are_told_by_lane_and_by_tenant(queue, make, owner):
    later = iso(now() + timedelta(hours=1))
    await queue.enqueue(make.task("a"), make.task("a"), make.task("a", run_at=later), make.task("b", lane="batch"))
    await owner.execute("UPDATE queue.task SET run_at = run_at - interval '10 s' WHERE due")
    for leased in await queue.lease(2, offers=[make.offer()]):
        await queue.complete(leased)
    await queue.enqueue(make.task("a"))
    await queue.lease(1)
    shares = {(s["lane"], s["tenant"]): s for s in (await stats(queue))["shares"]}
    assert set(shares) == {("interactive", None), ("interactive", "a"), ("batch", None), ("batch", "b")}
    for place in (("interactive", None), ("interactive", "a")):
        share = shares[place]
        assert (share["queued"], share["delayed"], share["running"], share["finished_last_minute"]) == (1, 1, 1, 2)
        assert share["oldest_age_s"] is None
        assert 10 <= share["wait_p50_s"] <= share["wait_p95_s"] < 60
    assert (shares["batch", "b"]["queued"], shares["batch", "b"]["wait_p95_s"]) == (1, None)
    assert 10 <= shares["batch", "b"]["oldest_age_s"] < 60


async def test_no_more_than_100_shares_are_told(queue, make):
    await queue.enqueue(*[make.task(f"t{i}") for i in range(110)], *[make.task("big") for _ in range(3)])
    shares = (await stats(queue))["shares"]
    assert [(s["lane"], s["tenant"], s["queued"]) for s in shares[:2]] == [
        ("interactive", None, 113),
        ("interactive", "big", 3),
    ]
    assert len(shares) == 100
