-- upload: how far the upload of a batch came; by its id, or by its Idempotency-Key.
SELECT id, lines, digest, received_at IS NOT NULL AS received, cancelled_at IS NOT NULL AS cancelled, refused
FROM batch WHERE tenant = $1 AND deleted_at IS NULL AND (id = $2 OR idempotency_key = $3)
