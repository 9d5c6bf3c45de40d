-- close_feeds: those of these batches that have nothing left to tell, and get nothing more.
UPDATE batch_feed f SET done = true
WHERE f.batch_id = ANY ($1::uuid[]) AND NOT EXISTS (SELECT FROM batch_backlog q WHERE q.batch_id = f.batch_id)
  AND EXISTS (SELECT FROM batch b WHERE b.id = f.batch_id AND (b.received_at IS NOT NULL OR b.cancelled_at IS NOT NULL))
