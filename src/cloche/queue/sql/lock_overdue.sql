-- lock_overdue: lock up to $1 tasks that have waited longer than they may.
SELECT evaluation_id, lease_id, attempt, started_attempts, cells_lost, cancel_requested, queued_at, leased_at,
       trace_parent
FROM queue.task WHERE lease_id IS NULL AND deadline_at < now()
ORDER BY deadline_at LIMIT $1
FOR UPDATE SKIP LOCKED
