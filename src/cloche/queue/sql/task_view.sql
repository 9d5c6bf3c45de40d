-- task_view: one task of a tenant, waiting or running, and (up to $3) how many of the tenant's stand before it.
SELECT t.lane, t.attempt, t.worker, t.runtime, t.isolation, t.lease_id IS NOT NULL AS running, l.paused,
       extract(epoch FROM t.run_at - now())::double precision AS due_in_s,
       (SELECT count(*) FROM (
            SELECT FROM queue.task a
            WHERE a.lease_id IS NULL AND t.lease_id IS NULL AND a.lane = t.lane AND a.tenant = t.tenant
              AND (a.priority > t.priority OR (a.priority = t.priority AND a.evaluation_id < t.evaluation_id))
            LIMIT $3) ahead) AS ahead
FROM queue.task t JOIN queue.lane l USING (lane)
WHERE t.evaluation_id = $1 AND t.tenant = $2
