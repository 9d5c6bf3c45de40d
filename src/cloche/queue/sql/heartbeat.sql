-- heartbeat: extend the leases that are still held; the order of the ids keeps it from deadlocks with cancel.
WITH held AS (
    SELECT t.evaluation_id FROM queue.task t
    JOIN unnest($1::uuid[], $2::uuid[]) AS l (evaluation_id, lease_id) USING (evaluation_id, lease_id)
    ORDER BY t.evaluation_id
    FOR NO KEY UPDATE OF t
)
UPDATE queue.task t SET lease_until = now() + $3::interval
FROM held WHERE t.evaluation_id = held.evaluation_id
RETURNING t.evaluation_id, t.cancel_requested
