-- find: one batch of a tenant.
SELECT b.*, f.told FROM batch b JOIN batch_feed f ON f.batch_id = b.id
WHERE b.id = $1 AND b.tenant = $2 AND b.deleted_at IS NULL
