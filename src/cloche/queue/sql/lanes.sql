-- lanes: every lane with its counts, over one tenant ($1) or all (null); what is delayed is queued too. Counted in
-- indexes alone, each named by a condition on its first column.
SELECT l.lane, l.paused, l.max_running, l.rate_per_s, w.queued + own.queued + coalesce(d.delayed, 0) AS queued,
       coalesce(d.delayed, 0) AS delayed, r.running,
       extract(epoch FROM now() - least(w.oldest, own.oldest))::double precision AS oldest_age_s
FROM queue.lane l
CROSS JOIN LATERAL (
    SELECT count(*) AS queued, min(t.run_at) AS oldest FROM queue.task t
    WHERE t.lease_id IS NULL AND t.due AND t.lane = l.lane AND $1::text IS NULL) w
CROSS JOIN LATERAL (
    SELECT count(*) AS queued, min(t.run_at) AS oldest FROM queue.task t
    WHERE t.lease_id IS NULL AND t.due AND t.lane = l.lane AND t.tenant = $1) own
CROSS JOIN LATERAL (
    SELECT count(*) AS running FROM queue.task t
    WHERE t.lease_id IS NOT NULL AND t.lane = l.lane AND ($1::text IS NULL OR t.tenant = $1)) r
LEFT JOIN (
    SELECT lane, count(*) AS delayed FROM queue.task
    WHERE lease_id IS NULL AND NOT due AND tenant >= coalesce($1, '') AND ($1::text IS NULL OR tenant = $1)
    GROUP BY lane) d USING (lane)
ORDER BY l.urgency, l.lane
