-- requeue: let locked tasks wait for their next attempt and note evaluation.retried under it, which makes the bus
-- refuse what the old attempt still sends. Waiting after a start has a time limit of its own.
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::interval[], $4::integer[], $5::integer[], $6::text[], $7::text[])
        AS i (evaluation_id, lease_id, delay, started, cells_lost, reason, message)
), waiting AS (
    UPDATE queue.task t
    SET lease_id = NULL, lease_until = NULL, worker = NULL, leased_at = NULL,
        attempt = t.attempt + 1,
        faults = CASE WHEN jsonb_array_length(t.faults) < 20 THEN t.faults ELSE t.faults - 0 END || jsonb_build_object(
            'attempt', t.attempt, 'reason', i.reason, 'message', i.message, 'worker', t.worker,
            'leased_at', t.leased_at, 'ended_at', now()),
        started_attempts = t.started_attempts + i.started,
        cells_lost = t.cells_lost + i.cells_lost,
        run_at = now() + i.delay, due = i.delay <= interval '0',
        deadline_at = CASE WHEN i.started > 0 THEN now() + t.queue_timeout ELSE t.deadline_at END
    FROM input i
    WHERE t.evaluation_id = ANY ($1::uuid[]) AND t.evaluation_id = i.evaluation_id
      AND t.lease_id IS NOT DISTINCT FROM i.lease_id AND i.lease_id IS NOT NULL
    RETURNING t.evaluation_id, t.attempt, i.reason
)
INSERT INTO queue.outbox (evaluation_id, attempt, type, body)
SELECT evaluation_id, attempt, 'evaluation.retried',
       convert_to(json_build_object('reason', reason, 'next_attempt', attempt)::text, 'UTF8')
FROM waiting
RETURNING evaluation_id
