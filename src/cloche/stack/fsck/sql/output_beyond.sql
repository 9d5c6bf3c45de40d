-- output_beyond: finished evaluations from $1 on with output of a later attempt than the one that decided.
SELECT e.id, format('attempt %s of %s', max(o.attempt), e.attempt) AS detail
FROM evaluation e JOIN output o ON o.evaluation_id = e.id
WHERE e.id >= $1 AND e.status = 'finished' AND o.attempt > e.attempt
GROUP BY e.id
