-- authorities: the records of these evaluations ($1), the queue's and the stored one, with their columns.
SELECT e.*, r.record AS queued, v.record AS recorded, v.missing
FROM evaluation e
LEFT JOIN queue.result r ON r.evaluation_id = e.id
LEFT JOIN verdict_record v ON v.evaluation_id = e.id
WHERE e.id = ANY ($1::uuid[])
