-- dead_one: a dead letter of one tenant ($2) or any (null).
SELECT evaluation_id, tenant, lane, reason, attempts, finished_at, faults FROM queue.result
WHERE evaluation_id = $1 AND outcome = 'dead' AND num_nulls(dismissed_at) = 1 AND ($2::text IS NULL OR tenant = $2)
