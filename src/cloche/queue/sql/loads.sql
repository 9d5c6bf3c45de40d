-- loads: what tenants with a limit have queued, with the limit; counted no further than that.
WITH RECURSIVE place AS (
    (SELECT lane, tenant FROM queue.task
     WHERE lease_id IS NULL AND due AND EXISTS (SELECT FROM queue.tenant WHERE max_queued IS NOT NULL)
     ORDER BY lane, tenant LIMIT 1)
    UNION ALL
    SELECT later.* FROM place p CROSS JOIN LATERAL (
        SELECT t.lane, t.tenant FROM queue.task t
        WHERE t.lease_id IS NULL AND t.due AND (t.lane, t.tenant) > (p.lane, p.tenant)
        ORDER BY t.lane, t.tenant LIMIT 1) later
), limited AS (
    SELECT x.tenant, q.max_queued
    FROM (SELECT tenant FROM place UNION SELECT tenant FROM queue.task WHERE lease_id IS NULL AND NOT due) x
    CROSS JOIN LATERAL (
        SELECT max_queued FROM queue.tenant WHERE tenant IN (x.tenant, '') ORDER BY tenant DESC LIMIT 1) q
    WHERE q.max_queued IS NOT NULL
), counted AS (
    SELECT l.tenant, l.max_queued, coalesce((
               SELECT sum(n) FROM place p CROSS JOIN LATERAL (
                   SELECT count(*) AS n FROM (
                       SELECT FROM queue.task t
                       WHERE t.lease_id IS NULL AND t.due AND t.lane = p.lane AND t.tenant = p.tenant LIMIT l.max_queued) c) k
               WHERE p.tenant = l.tenant), 0)
           + (SELECT count(*) FROM (
                  SELECT FROM queue.task t WHERE t.lease_id IS NULL AND NOT t.due AND t.tenant = l.tenant
                  LIMIT l.max_queued) c) AS queued
    FROM limited l
)
SELECT tenant, queued::bigint AS queued, max_queued FROM counted ORDER BY tenant
