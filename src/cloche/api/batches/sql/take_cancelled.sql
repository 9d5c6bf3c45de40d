-- take_cancelled: evaluations of these batches ($1) that were cancelled before the Queue Service was told, at most $2.
SELECT id, batch_id, evaluation_id, body FROM batch_backlog
WHERE batch_id = ANY ($1::uuid[]) AND cancelled AND id <> ALL ($3::bigint[]) ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
