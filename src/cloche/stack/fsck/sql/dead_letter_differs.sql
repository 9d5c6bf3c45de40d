-- dead_letter_differs: finished evaluations from $1 on that the queue gave up and that do not say so.
SELECT e.id, e.verdict AS detail FROM evaluation e JOIN queue.result r ON r.evaluation_id = e.id
WHERE e.id >= $1 AND e.status = 'finished' AND r.outcome = 'dead' AND e.verdict IS DISTINCT FROM 'internal_error'
