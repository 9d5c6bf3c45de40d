-- no_record: evaluations from $1 on that are finished without a terminal record.
SELECT e.id, e.verdict AS detail FROM evaluation e
WHERE e.id >= $1 AND e.status = 'finished'
  AND NOT EXISTS (SELECT FROM verdict_record v WHERE v.evaluation_id = e.id)
