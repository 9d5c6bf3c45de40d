-- dead_count: how many dead letters there are, over one tenant ($1) or all (null).
SELECT count(*) FROM queue.result WHERE outcome = 'dead' AND dismissed_at IS NULL AND ($1::text IS NULL OR tenant = $1)
