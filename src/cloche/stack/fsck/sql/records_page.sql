-- records_page: the next $3 finished evaluations after $1 (from $2 on) with their terminal records and the queue's.
SELECT e.id, e.verdict, e.attempt, v.record, v.missing, r.verdict AS queue_verdict, r.outcome AS queue_outcome,
       r.record AS queue_record
FROM evaluation e
JOIN verdict_record v ON v.evaluation_id = e.id
LEFT JOIN queue.result r ON r.evaluation_id = e.id
WHERE e.id > $1 AND e.id >= $2 AND e.status = 'finished'
ORDER BY e.id LIMIT $3
