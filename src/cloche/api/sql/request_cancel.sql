-- Note the wish to cancel and tell the Queue Service, once; nothing for a finished evaluation. What a batch holds back
-- is cancelled there: the Queue Service knows nothing of it yet.
WITH wish AS (
    UPDATE evaluation SET cancel_requested = true
    WHERE id = $1 AND tenant = $2 AND status <> 'finished' AND NOT cancel_requested
    RETURNING id
), held AS (
    UPDATE batch_backlog q SET cancelled = true FROM wish WHERE q.evaluation_id = wish.id RETURNING q.evaluation_id
), told AS (
    INSERT INTO api_outbox (evaluation_id, kind) SELECT id, 'cancel' FROM wish WHERE NOT EXISTS (SELECT FROM held)
)
SELECT id FROM wish
