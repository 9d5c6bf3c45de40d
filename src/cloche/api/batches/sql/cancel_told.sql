-- cancel_told: ask for the cancelling of what the Queue Service was told of the batches $1, at most $2 at once.
WITH wish AS (
    UPDATE evaluation SET cancel_requested = true
    WHERE id = ANY (ARRAY (
        SELECT e.id FROM evaluation e
        WHERE e.batch_id = ANY ($1::uuid[]) AND NOT e.superseded AND e.status <> 'finished' AND NOT e.cancel_requested
          AND NOT EXISTS (SELECT FROM batch_backlog q WHERE q.evaluation_id = e.id)
        LIMIT $2 FOR UPDATE OF e SKIP LOCKED))
    RETURNING id
)
INSERT INTO api_outbox (evaluation_id, kind) SELECT id, 'cancel' FROM wish
RETURNING id
