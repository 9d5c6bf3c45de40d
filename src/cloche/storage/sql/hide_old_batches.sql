-- hide_old_batches: finished batches with an id before $1 are deleted from now on.
UPDATE batch SET deleted_at = now() WHERE id < $1 AND finished_at IS NOT NULL AND deleted_at IS NULL
