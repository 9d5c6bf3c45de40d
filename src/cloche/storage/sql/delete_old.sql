-- delete_old: up to $2 finished evaluations with an id before $1, the oldest first, with all that belongs to them; those
-- of batches go with their batches.
DELETE FROM evaluation WHERE id IN (
    SELECT id FROM evaluation WHERE id < $1 AND status = 'finished' AND batch_id IS NULL ORDER BY id LIMIT $2)
RETURNING id
