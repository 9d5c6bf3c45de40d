-- shares: each lane, then the busiest tenants in lanes, 100 in all, over one tenant ($1) or all (null): what waits and runs now,
-- what finished in the last 60 s and how long that had waited since it was ready. Counts as lanes does, in indexes alone.
WITH open AS (
    SELECT l.lane, t.* FROM queue.lane l CROSS JOIN LATERAL (
        SELECT t.tenant, count(*) AS queued, 0 AS delayed, 0 AS running, min(t.run_at) AS oldest FROM queue.task t
        WHERE t.lease_id IS NULL AND t.due AND t.lane = l.lane AND $1::text IS NULL GROUP BY t.tenant
        UNION ALL
        SELECT t.tenant, count(*), 0, 0, min(t.run_at) FROM queue.task t
        WHERE t.lease_id IS NULL AND t.due AND t.lane = l.lane AND t.tenant = $1 GROUP BY t.tenant
        UNION ALL
        SELECT t.tenant, 0, 0, count(*), NULL FROM queue.task t
        WHERE t.lease_id IS NOT NULL AND t.lane = l.lane AND ($1::text IS NULL OR t.tenant = $1) GROUP BY t.tenant) t
    UNION ALL
    SELECT lane, tenant, count(*), count(*), 0, NULL FROM queue.task
    WHERE lease_id IS NULL AND NOT due AND tenant >= coalesce($1, '') AND ($1::text IS NULL OR tenant = $1) GROUP BY lane, tenant
), counted AS (
    SELECT lane, coalesce(tenant, '') AS tenant, grouping(tenant) = 1 AS whole, sum(queued)::bigint AS queued,
           sum(delayed)::bigint AS delayed, sum(running)::bigint AS running,
           extract(epoch FROM now() - min(oldest))::double precision AS oldest_age_s
    FROM open GROUP BY GROUPING SETS ((lane), (lane, tenant))
), recent AS (
    SELECT lane, coalesce(tenant, '') AS tenant, grouping(tenant) = 1 AS whole, count(*) AS finished,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_s) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY wait_s) AS p95
    FROM queue.result WHERE finished_at > now() - interval '60 seconds' AND ($1::text IS NULL OR tenant = $1)
    GROUP BY GROUPING SETS ((lane), (lane, tenant))
)
SELECT lane, CASE WHEN NOT whole THEN tenant END AS tenant, coalesce(queued, 0) AS queued, coalesce(delayed, 0) AS delayed,
       coalesce(running, 0) AS running, oldest_age_s, coalesce(finished, 0) AS finished, p50, p95
FROM counted FULL JOIN recent USING (lane, tenant, whole)
ORDER BY whole DESC, coalesce(queued, 0) + coalesce(running, 0) + coalesce(finished, 0) DESC, lane, tenant
LIMIT 100
