-- lost_enqueue: evaluations from $1 on that are not finished, and that neither outbox, backlog nor queue knows.
SELECT e.id, e.status AS detail FROM evaluation e
WHERE e.id >= $1 AND e.status <> 'finished'
  AND NOT EXISTS (SELECT FROM api_outbox o WHERE o.evaluation_id = e.id AND o.kind = 'enqueue')
  AND NOT EXISTS (SELECT FROM batch_backlog q WHERE q.evaluation_id = e.id)
  AND NOT EXISTS (SELECT FROM queue.known k WHERE k.evaluation_id = e.id)
