-- A keyset page of a tenant's evaluations, newest first; every filter is optional, and each has an index.
-- The ids come first: an index that holds all that is asked for is then cheaper than passing over what does not fit.
SELECT e.*, p.key AS problem_key
FROM (
    SELECT e.id
    FROM evaluation e
    WHERE e.tenant = $1
      AND e.id < $2 AND e.id >= $3
      AND ($4::text IS NULL OR e.status = $4)
      AND ($5::text IS NULL OR e.verdict = $5)
      AND ($6::text IS NULL OR split_part(e.runtime, '@', 1) = split_part($6, '@', 1)
           AND (e.runtime = $6 OR starts_with(e.runtime, $6 || '@') OR starts_with(e.runtime, $6 || '.')))
      AND ($7::text IS NULL OR e.labels @> $7::jsonb)
      AND ($8::text IS NULL OR e.name <> ''
           AND lower(e.name) LIKE '%' || regexp_replace(lower($8), '([\\%_])', '\\\1', 'g') || '%')
    ORDER BY e.id DESC
    LIMIT $9) AS page
CROSS JOIN LATERAL (SELECT r.* FROM evaluation r WHERE r.id = page.id LIMIT 1) AS e
LEFT JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
ORDER BY e.id DESC
