-- heartbeat: extend the leases that are still held; the order of the ids keeps it from deadlocks with cancel.
WITH locked AS (
    SELECT evaluation_id, lease_id FROM queue.task WHERE evaluation_id = ANY ($1::uuid[])
    ORDER BY evaluation_id FOR NO KEY UPDATE
), held AS (
    SELECT evaluation_id FROM locked JOIN unnest($1::uuid[], $2::uuid[]) AS l (evaluation_id, lease_id)
    USING (evaluation_id, lease_id)
)
UPDATE queue.task SET lease_until = now() + $3::interval
WHERE evaluation_id = ANY (ARRAY (SELECT evaluation_id FROM held))
RETURNING evaluation_id, cancel_requested
