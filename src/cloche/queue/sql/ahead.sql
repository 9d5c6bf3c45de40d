-- ahead: about how many tasks of other tenants in the lane $1 are leased before the $3rd of the tenant $2, which are
-- those of a lower turn (see lease). Of 200 tenants at most, and 1,000 tasks of each: people want a magnitude.
WITH RECURSIVE other AS (
    (SELECT tenant, 1 AS place FROM queue.task WHERE lease_id IS NULL AND due AND lane = $1 ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT later.tenant, o.place + 1 FROM other o CROSS JOIN LATERAL (
        SELECT t.tenant FROM queue.task t WHERE t.lease_id IS NULL AND t.due AND t.lane = $1 AND t.tenant > o.tenant
        ORDER BY t.tenant LIMIT 1) later
    WHERE o.place < 200
), share AS (
    SELECT x.tenant, s.weight,
           (SELECT count(*) FROM queue.task r WHERE r.lease_id IS NOT NULL AND r.lane = $1 AND r.tenant = x.tenant) AS n
    FROM (SELECT tenant FROM other UNION SELECT $2) x
    CROSS JOIN LATERAL (SELECT q.weight FROM queue.tenant q WHERE q.tenant IN (x.tenant, '') ORDER BY q.tenant DESC LIMIT 1) s
)
SELECT coalesce(sum(a.queued), 0)::bigint
FROM share mine JOIN share theirs ON mine.tenant = $2 AND theirs.tenant <> $2
CROSS JOIN LATERAL (
    SELECT count(*) AS queued FROM (
        SELECT FROM queue.task t WHERE t.lease_id IS NULL AND t.due AND t.lane = $1 AND t.tenant = theirs.tenant
        LIMIT least(1000, greatest(0, ceil((mine.n + $3::integer) / mine.weight * theirs.weight - 1e-9) - 1 - theirs.n))::bigint) q) a
