-- mend_lost_enqueue: let the API tell the queue of the evaluation $1 (task $2), and of its cancelling if it was asked for.
WITH lost AS (
    SELECT e.id, e.cancel_requested FROM evaluation e
    WHERE e.id = $1 AND e.status <> 'finished'
      AND NOT EXISTS (SELECT FROM api_outbox o WHERE o.evaluation_id = e.id AND o.kind = 'enqueue')
      AND NOT EXISTS (SELECT FROM queue.known k WHERE k.evaluation_id = e.id)
), told AS (
    DELETE FROM api_outbox o USING lost WHERE o.evaluation_id = lost.id
)
INSERT INTO api_outbox (evaluation_id, kind, body)
SELECT id, 'enqueue', $2::bytea FROM lost
UNION ALL SELECT id, 'cancel', NULL FROM lost WHERE cancel_requested
