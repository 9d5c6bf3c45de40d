-- mend_lost_held: hold the evaluation $1 (task $2) back for its batch again.
WITH held AS (
    INSERT INTO batch_backlog (batch_id, evaluation_id, body, cancelled)
    SELECT e.batch_id, e.id, $2::bytea, e.cancel_requested FROM evaluation e
    WHERE e.id = $1 AND e.status <> 'finished'
      AND NOT EXISTS (SELECT FROM queue.known k WHERE k.evaluation_id = e.id)
    ON CONFLICT DO NOTHING
    RETURNING batch_id
)
UPDATE batch_feed f SET done = false FROM held WHERE f.batch_id = held.batch_id
