-- reopen: batch $1 has $2 evaluations to tell again; nothing for one that is deleted.
WITH open AS (
    UPDATE batch SET finished_at = NULL, cancelled_at = NULL, paused = false WHERE id = $1 AND deleted_at IS NULL
    RETURNING id
)
UPDATE batch_feed f SET told = f.told - $2, done = false FROM open WHERE f.batch_id = open.id
RETURNING f.batch_id
