-- task_view: one task of a tenant, waiting or running, what limits it, and (up to $3) how many of the tenant's stand
-- before it. What is not due yet stands in no line. As an index range holds tasks of one runtime and isolation, those
-- before it are counted in each range that the tenant has in the lane.
WITH RECURSIVE it AS (
    SELECT * FROM queue.task WHERE evaluation_id = $1 AND tenant = $2
), class AS (
    (SELECT t.runtime, t.isolation FROM it CROSS JOIN LATERAL (
        SELECT t.runtime, t.isolation FROM queue.task t
        WHERE t.lease_id IS NULL AND t.due AND it.lease_id IS NULL AND t.lane = it.lane AND t.tenant = it.tenant
        ORDER BY t.runtime, t.isolation LIMIT 1) t)
    UNION ALL
    SELECT later.* FROM class c CROSS JOIN it CROSS JOIN LATERAL (
        SELECT t.runtime, t.isolation FROM queue.task t
        WHERE t.lease_id IS NULL AND t.due AND t.lane = it.lane AND t.tenant = it.tenant
          AND (t.runtime, t.isolation) > (c.runtime, c.isolation)
        ORDER BY t.runtime, t.isolation LIMIT 1) later
)
SELECT t.lane, t.attempt, t.worker, t.runtime, t.isolation, t.priority, t.lease_id IS NOT NULL AS running, t.due, l.paused,
       extract(epoch FROM t.run_at - now())::double precision AS due_in_s,
       CASE WHEN l.max_running <= (SELECT count(*) FROM queue.task r WHERE r.lease_id IS NOT NULL AND r.lane = t.lane)
            THEN l.max_running END AS lane_full_at,
       CASE WHEN extract(epoch FROM now() - l.rate_from) * l.rate_per_s < 1 - 1e-6 THEN l.rate_per_s END AS rate_spent_at,
       (SELECT CASE WHEN q.max_running <= (
                    SELECT count(*) FROM queue.task r WHERE r.lease_id IS NOT NULL
                    AND r.lane = ANY (ARRAY (SELECT lane FROM queue.lane)) AND r.tenant = t.tenant) THEN q.max_running END
        FROM queue.tenant q WHERE q.tenant IN (t.tenant, '') ORDER BY q.tenant DESC LIMIT 1) AS tenant_full_at,
       (SELECT count(*) FROM (
            SELECT FROM class c CROSS JOIN LATERAL (
                SELECT FROM queue.task a
                WHERE a.lease_id IS NULL AND a.due AND a.lane = t.lane AND a.tenant = t.tenant
                  AND a.runtime = c.runtime AND a.isolation = c.isolation AND a.priority > t.priority
                UNION ALL
                SELECT FROM queue.task a
                WHERE a.lease_id IS NULL AND a.due AND a.lane = t.lane AND a.tenant = t.tenant
                  AND a.runtime = c.runtime AND a.isolation = c.isolation AND a.priority = t.priority
                  AND a.evaluation_id < t.evaluation_id) a
            LIMIT $3) before) AS ahead
FROM it t JOIN queue.lane l USING (lane)
