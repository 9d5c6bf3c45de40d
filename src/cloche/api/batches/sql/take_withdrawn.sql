-- take_withdrawn: what to tell of these cancelled batches ($1), at most $2.
SELECT id, batch_id, evaluation_id, body FROM batch_backlog
WHERE batch_id = ANY ($1::uuid[]) AND id <> ALL ($3::bigint[]) ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
