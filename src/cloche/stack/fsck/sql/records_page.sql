-- records_page: the next $3 finished evaluations after $1 (from $2 on) with their terminal records.
SELECT e.id, e.attempt, v.record, v.missing FROM evaluation e JOIN verdict_record v ON v.evaluation_id = e.id
WHERE e.id > $1 AND e.id >= $2 AND e.status = 'finished'
ORDER BY e.id LIMIT $3
