-- delete_of_batch: up to $2 evaluations of a deleted batch $1, with all that belongs to them.
DELETE FROM evaluation WHERE id IN (
    (SELECT id FROM evaluation WHERE batch_id = $1 AND NOT superseded LIMIT $2)
    UNION ALL
    (SELECT id FROM evaluation WHERE batch_id = $1 AND superseded LIMIT $2))
RETURNING id
