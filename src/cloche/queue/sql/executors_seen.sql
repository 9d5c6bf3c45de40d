-- executors_seen: every executor reported in the last 24 hours, and whether that is older than $1.
SELECT worker, offer, seen_at, seen_at < now() - $1::interval AS stale FROM queue.executor_seen
WHERE seen_at > now() - interval '24 hours'
ORDER BY worker, executor
