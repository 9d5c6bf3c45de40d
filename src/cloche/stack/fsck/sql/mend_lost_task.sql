-- mend_lost_task: queue the evaluation $1 again (isolation $2, program $3) for the attempt after the one the record has.
INSERT INTO queue.task (evaluation_id, tenant, lane, priority, runtime, isolation, attempt, cancel_requested,
                        queue_timeout, deadline_at, program)
SELECT e.id, e.tenant, 'interactive', 0, e.runtime, $2, CASE WHEN e.attempt > 0 THEN e.attempt + 1 ELSE 0 END, false,
       '1 day', now() + interval '1 day', $3::bytea
FROM evaluation e
WHERE e.id = $1 AND e.status <> 'finished'
  AND NOT EXISTS (SELECT FROM queue.result r WHERE r.evaluation_id = e.id)
ON CONFLICT DO NOTHING
