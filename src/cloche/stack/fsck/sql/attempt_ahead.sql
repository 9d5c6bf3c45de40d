-- attempt_ahead: evaluations from $1 on whose record is of a later attempt than the queue has begun.
SELECT e.id, format('record %s, queue %s', e.attempt, t.attempt) AS detail
FROM evaluation e JOIN queue.task t ON t.evaluation_id = e.id
WHERE e.id >= $1 AND e.status <> 'finished' AND e.attempt > t.attempt
