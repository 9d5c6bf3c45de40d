-- delete: hide a finished batch; the storage worker removes it.
UPDATE batch SET deleted_at = now(), idempotency_key = NULL
WHERE id = $1 AND tenant = $2 AND deleted_at IS NULL AND finished_at IS NOT NULL
RETURNING id
