-- lock_leased: lock the tasks that are still held by these leases, in the order of their ids.
SELECT t.evaluation_id, t.lease_id, t.attempt, t.started_attempts, t.cells_lost, t.cancel_requested, t.queued_at,
       t.leased_at, t.trace_parent
FROM queue.task t
JOIN unnest($1::uuid[], $2::uuid[]) AS l (evaluation_id, lease_id) USING (evaluation_id, lease_id)
ORDER BY t.evaluation_id
FOR UPDATE OF t
