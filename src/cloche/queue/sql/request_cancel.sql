-- request_cancel: mark locked tasks that run; their worker learns of it with its next heartbeat.
UPDATE queue.task SET cancel_requested = true
WHERE evaluation_id = ANY ($1::uuid[]) AND num_nonnulls(lease_id) = 1 AND NOT cancel_requested
