-- verdict_differs: finished evaluations from $1 on whose verdict, record and result name different verdicts. A result
-- that could not be stored is one that may; dead letters are looked at apart.
SELECT id, format('evaluation %s, record %s, queue %s', verdict, recorded, coalesce(queued, 'none')) AS detail
FROM (
    SELECT e.id, e.verdict, body ->> 'verdict' AS recorded, r.verdict AS queued, r.outcome,
           body -> 'evidence' ->> 'detail' AS reason
    FROM evaluation e
    JOIN verdict_record v ON v.evaluation_id = e.id
    CROSS JOIN LATERAL (SELECT convert_from(v.record, 'UTF8')::json AS body) b
    LEFT JOIN queue.result r ON r.evaluation_id = e.id
    WHERE e.id >= $1 AND e.status = 'finished') s
WHERE verdict IS DISTINCT FROM recorded
   OR (queued <> verdict AND outcome <> 'dead' AND reason IS DISTINCT FROM 'record_refused')
