-- lock_leased: the tasks that are still held by these leases, locked in the order of their ids; others are locked too.
WITH locked AS (
    SELECT evaluation_id, lease_id, attempt, started_attempts, cells_lost, cancel_requested, queued_at, leased_at,
           trace_parent
    FROM queue.task WHERE evaluation_id = ANY ($1::uuid[])
    ORDER BY evaluation_id FOR UPDATE
)
SELECT locked.* FROM locked JOIN unnest($1::uuid[], $2::uuid[]) AS l (evaluation_id, lease_id) USING (evaluation_id, lease_id)
ORDER BY evaluation_id
