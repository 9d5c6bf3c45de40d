-- Note the wish to cancel and tell the Queue Service, once; nothing for a finished evaluation.
WITH wish AS (
    UPDATE evaluation SET cancel_requested = true
    WHERE id = $1 AND tenant = $2 AND status <> 'finished' AND NOT cancel_requested
    RETURNING id
)
INSERT INTO api_outbox (evaluation_id, kind) SELECT id, 'cancel' FROM wish
RETURNING id
