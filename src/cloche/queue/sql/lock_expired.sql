-- lock_expired: lock up to $1 tasks whose lease has run out.
SELECT evaluation_id, lease_id, attempt, started_attempts, cells_lost, cancel_requested, queued_at, leased_at,
       trace_parent
FROM queue.task WHERE lease_until < now() AND evaluation_id = ANY (ARRAY (
    SELECT evaluation_id FROM queue.task WHERE lease_id IS NOT NULL AND lease_until < now() LIMIT $1))
ORDER BY evaluation_id
FOR UPDATE SKIP LOCKED
