-- cancel: ask for the cancelling of a batch; nothing for one that is finished.
UPDATE batch SET cancelled_at = coalesce(cancelled_at, now())
WHERE id = $1 AND tenant = $2 AND deleted_at IS NULL AND finished_at IS NULL
RETURNING id
