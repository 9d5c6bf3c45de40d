-- finished_but_queued: evaluations from $1 on that are finished and still have a task, without a result.
SELECT e.id, e.verdict AS detail FROM evaluation e JOIN queue.task t ON t.evaluation_id = e.id
WHERE e.id >= $1 AND e.status = 'finished'
  AND NOT EXISTS (SELECT FROM queue.result r WHERE r.evaluation_id = e.id)
