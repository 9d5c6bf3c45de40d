-- lost_task: evaluations from $1 on that are not finished and were queued once, of which the queue has nothing now.
SELECT e.id, e.status AS detail FROM evaluation e JOIN queue.known k ON k.evaluation_id = e.id
WHERE e.id >= $1 AND e.status <> 'finished'
  AND NOT EXISTS (SELECT FROM queue.task t WHERE t.evaluation_id = e.id)
  AND NOT EXISTS (SELECT FROM queue.result r WHERE r.evaluation_id = e.id)
