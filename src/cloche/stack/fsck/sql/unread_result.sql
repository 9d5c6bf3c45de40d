-- unread_result: evaluations from $1 on that are not finished a minute after the queue's result, and wait for nothing.
SELECT e.id, r.verdict AS detail FROM evaluation e JOIN queue.result r ON r.evaluation_id = e.id
WHERE e.id >= $1 AND e.status <> 'finished' AND r.finished_at < now() - interval '1 minute'
  AND NOT EXISTS (SELECT FROM awaiting_output a WHERE a.evaluation_id = e.id)
