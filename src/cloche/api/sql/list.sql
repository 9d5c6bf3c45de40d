-- A keyset page of a tenant's evaluations, newest first; every filter is optional.
SELECT e.*
FROM evaluation e
WHERE e.tenant = $1
  AND e.id < $2 AND e.id >= $3
  AND ($4::text IS NULL OR e.status = $4)
  AND ($5::text IS NULL OR e.verdict = $5)
  AND ($6::text IS NULL OR e.runtime = $6 OR starts_with(e.runtime, $6 || '@') OR starts_with(e.runtime, $6 || '.'))
  AND ($7::text IS NULL OR e.labels @> $7::jsonb)
  AND ($8::text IS NULL OR strpos(lower(e.name), lower($8)) > 0)
ORDER BY e.id DESC
LIMIT $9
