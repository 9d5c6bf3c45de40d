-- pause: hold back what the Queue Service was not told of batch $1 of tenant $2, or ($3 false) tell it again.
UPDATE batch SET paused = $3
WHERE id = $1 AND tenant = $2 AND deleted_at IS NULL AND finished_at IS NULL AND cancelled_at IS NULL
RETURNING id
