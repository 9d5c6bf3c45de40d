-- finish: move tasks into the history with their record and note evaluation.completed. Fenced: the lease and the
-- attempt must match, and a task whose cancelling was asked for can end in no other way (nor another task in that one).
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[])
        AS i (evaluation_id, lease_id, attempt, verdict, outcome, reason, record, message)
), locked AS (
    SELECT evaluation_id, lease_id, attempt, cancel_requested FROM queue.task WHERE evaluation_id = ANY ($1::uuid[])
    ORDER BY evaluation_id FOR UPDATE
), fenced AS (
    SELECT i.* FROM input i JOIN locked t USING (evaluation_id)
    WHERE t.lease_id IS NOT DISTINCT FROM i.lease_id AND t.attempt = i.attempt
      AND (t.lease_id IS NULL OR t.cancel_requested = (i.outcome = 'cancelled'))
), deleted AS (
    DELETE FROM queue.task WHERE evaluation_id = ANY (ARRAY (SELECT evaluation_id FROM fenced)) RETURNING *
), gone AS (
    SELECT t.*, i.verdict, i.outcome, i.reason, i.record, i.message FROM deleted t JOIN fenced i USING (evaluation_id)
), kept AS (
    INSERT INTO queue.result (evaluation_id, tenant, lane, verdict, outcome, reason, attempts, lease_id, record, wait_s,
                              faults)
    SELECT evaluation_id, tenant, lane, verdict, outcome, reason,
           CASE WHEN lease_id IS NULL THEN greatest(attempt - 1, 0) ELSE attempt END,
           lease_id, record, extract(epoch FROM leased_at - run_at),
           CASE WHEN reason = '' THEN faults ELSE faults || jsonb_build_object(
               'attempt', attempt, 'reason', reason, 'message', message, 'worker', worker,
               'leased_at', leased_at, 'ended_at', now()) END
    FROM gone
), noted AS (
    INSERT INTO queue.outbox (evaluation_id, attempt, type)
    SELECT evaluation_id, attempt, 'evaluation.completed' FROM gone
)
SELECT evaluation_id FROM gone
