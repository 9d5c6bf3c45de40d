-- page: a tenant's batches, newest first.
SELECT b.* FROM batch b WHERE b.tenant = $1 AND b.deleted_at IS NULL AND b.id < $2 ORDER BY b.id DESC LIMIT $3
