-- depth: per lane how many wait, wait for their time and run, and how long the oldest has waited; for the metrics.
SELECT l.lane, l.paused, count(t.*) FILTER (WHERE t.lease_id IS NULL AND t.due) AS queued,
       count(t.*) FILTER (WHERE t.lease_id IS NULL AND NOT t.due) AS delayed,
       count(t.*) FILTER (WHERE t.lease_id IS NOT NULL) AS running,
       coalesce(extract(epoch FROM now() - min(t.run_at) FILTER (WHERE t.lease_id IS NULL AND t.due)), 0)::double precision AS oldest_age_s
FROM queue.lane l LEFT JOIN queue.task t USING (lane) GROUP BY l.lane
