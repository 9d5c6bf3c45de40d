-- dead_page: up to $4 dead letters older than the cursor ($2 time, $3 id), newest first, of one tenant ($1) or all
-- (null), of one reason ($5) or any (null).
SELECT evaluation_id, tenant, lane, reason, attempts, finished_at, faults FROM queue.result
WHERE outcome = 'dead' AND dismissed_at IS NULL AND ($1::text IS NULL OR tenant = $1)
  AND ($5::text IS NULL OR reason = $5) AND (finished_at, evaluation_id) < ($2::timestamptz, $3::uuid)
ORDER BY finished_at DESC, evaluation_id DESC LIMIT $4
