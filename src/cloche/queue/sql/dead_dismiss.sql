-- dead_dismiss: take dead letters off the list; the order of the ids keeps two callers from waiting for each other.
UPDATE queue.result SET dismissed_at = now() WHERE evaluation_id = ANY (ARRAY (
    SELECT evaluation_id FROM queue.result
    WHERE evaluation_id = ANY ($1::uuid[]) AND outcome = 'dead' AND num_nulls(dismissed_at) = 1
    ORDER BY evaluation_id FOR NO KEY UPDATE))
RETURNING evaluation_id
