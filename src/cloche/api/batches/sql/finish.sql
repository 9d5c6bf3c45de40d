-- finish: note which batches are complete now; of all, or whether $1 is.
UPDATE batch b SET finished_at = now()
WHERE b.finished_at IS NULL AND ($1::uuid IS NULL OR b.id = $1) AND (b.received_at IS NOT NULL OR b.cancelled_at IS NOT NULL)
  AND b.total = (SELECT coalesce(sum(count), 0) FROM batch_count c WHERE c.batch_id = b.id AND c.measure = 0)
RETURNING id
