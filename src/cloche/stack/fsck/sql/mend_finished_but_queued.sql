-- mend_finished_but_queued: end tasks of $1 whose evaluation is finished, as the stored record says; whoever holds a
-- lease loses it. The record is stored already, so nobody is told.
WITH gone AS (
    DELETE FROM queue.task t USING evaluation e, verdict_record v
    WHERE t.evaluation_id = ANY ($1::uuid[]) AND e.id = t.evaluation_id AND e.status = 'finished'
      AND v.evaluation_id = e.id AND NOT EXISTS (SELECT FROM queue.result r WHERE r.evaluation_id = e.id)
    RETURNING t.evaluation_id, t.tenant, t.lane, t.lease_id, t.faults, e.verdict, e.attempt, v.record
), known AS (
    INSERT INTO queue.known SELECT evaluation_id FROM gone ON CONFLICT DO NOTHING
)
INSERT INTO queue.result (evaluation_id, tenant, lane, verdict, outcome, attempts, lease_id, record, faults)
SELECT evaluation_id, tenant, lane, verdict,
       CASE verdict WHEN 'cancelled' THEN 'cancelled' WHEN 'internal_error' THEN 'dead' ELSE 'completed' END,
       attempt, lease_id, record, faults
FROM gone
