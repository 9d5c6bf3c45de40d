-- attempt_differs: finished evaluations from $1 on whose attempt, record and result are of different attempts.
SELECT id, format('evaluation %s, record %s, queue %s', attempt, recorded, coalesce(queued::text, 'none')) AS detail
FROM (
    SELECT e.id, e.attempt, (convert_from(v.record, 'UTF8')::json ->> 'attempt')::integer AS recorded,
           (convert_from(r.record, 'UTF8')::json ->> 'attempt')::integer AS queued
    FROM evaluation e
    JOIN verdict_record v ON v.evaluation_id = e.id
    LEFT JOIN queue.result r ON r.evaluation_id = e.id
    WHERE e.id >= $1 AND e.status = 'finished') s
WHERE attempt <> recorded OR attempt <> queued
