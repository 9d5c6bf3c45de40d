-- executors_report: what a worker's executors offer now. The order of the names keeps it from deadlocks.
INSERT INTO queue.executor_seen (worker, executor, offer)
SELECT $1, executor, offer FROM unnest($2::text[], $3::bytea[]) AS o (executor, offer) ORDER BY executor
ON CONFLICT (worker, executor) DO UPDATE SET offer = excluded.offer, seen_at = now()
