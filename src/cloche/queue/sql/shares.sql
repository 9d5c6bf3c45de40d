-- shares: each lane, then the busiest tenants in lanes, 100 in all, over one tenant ($1) or all (null): what waits and runs now,
-- what finished in the last 60 s and how long that had waited since it was ready.
WITH open AS (
    SELECT lane, coalesce(tenant, '') AS tenant, grouping(tenant) = 1 AS whole,
           count(*) FILTER (WHERE lease_id IS NULL) AS queued,
           count(*) FILTER (WHERE lease_id IS NULL AND NOT due) AS delayed,
           count(*) FILTER (WHERE lease_id IS NOT NULL) AS running,
           extract(epoch FROM now() - min(run_at) FILTER (WHERE lease_id IS NULL AND due))::double precision AS oldest_age_s
    FROM queue.task WHERE $1::text IS NULL OR tenant = $1
    GROUP BY GROUPING SETS ((lane), (lane, tenant))
), recent AS (
    SELECT lane, coalesce(tenant, '') AS tenant, grouping(tenant) = 1 AS whole, count(*) AS finished,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_s) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY wait_s) AS p95
    FROM queue.result WHERE finished_at > now() - interval '60 seconds' AND ($1::text IS NULL OR tenant = $1)
    GROUP BY GROUPING SETS ((lane), (lane, tenant))
)
SELECT lane, CASE WHEN NOT whole THEN tenant END AS tenant, coalesce(queued, 0) AS queued, coalesce(delayed, 0) AS delayed,
       coalesce(running, 0) AS running, oldest_age_s, coalesce(finished, 0) AS finished, p50, p95
FROM open FULL JOIN recent USING (lane, tenant, whole)
ORDER BY whole DESC, coalesce(queued, 0) + coalesce(running, 0) + coalesce(finished, 0) DESC, lane, tenant
LIMIT 100
