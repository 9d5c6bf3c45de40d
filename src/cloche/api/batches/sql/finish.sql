-- finish: note which batches are complete now.
UPDATE batch b SET finished_at = now()
WHERE b.finished_at IS NULL AND b.received_at IS NOT NULL
  AND b.total = (SELECT coalesce(sum(count), 0) FROM batch_count c WHERE c.batch_id = b.id AND c.measure = 0)
RETURNING id
