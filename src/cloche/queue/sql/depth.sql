-- depth: per lane how many wait and run, for the metrics.
SELECT l.lane, count(t.*) FILTER (WHERE t.lease_id IS NULL) AS queued, count(t.*) FILTER (WHERE t.lease_id IS NOT NULL) AS running
FROM queue.lane l LEFT JOIN queue.task t USING (lane) GROUP BY l.lane
