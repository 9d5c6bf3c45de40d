-- lanes: every lane with its counts, over one tenant ($1) or all (null).
SELECT l.lane, l.paused, l.max_running, l.rate_per_s, coalesce(w.queued, 0) AS queued, coalesce(w.running, 0) AS running, w.oldest_age_s
FROM queue.lane l
LEFT JOIN (
    SELECT lane, count(*) FILTER (WHERE lease_id IS NULL) AS queued, count(*) FILTER (WHERE lease_id IS NOT NULL) AS running,
           extract(epoch FROM now() - min(run_at) FILTER (WHERE lease_id IS NULL AND due))::double precision AS oldest_age_s
    FROM queue.task WHERE $1::text IS NULL OR tenant = $1
    GROUP BY lane) w USING (lane)
ORDER BY l.urgency, l.lane
