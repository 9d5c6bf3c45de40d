-- lock_tasks: lock tasks whatever their state, in the order of their ids.
SELECT evaluation_id, lease_id, attempt, started_attempts, cells_lost, cancel_requested, queued_at, leased_at,
       trace_parent
FROM queue.task WHERE evaluation_id = ANY ($1::uuid[])
ORDER BY evaluation_id
FOR UPDATE
