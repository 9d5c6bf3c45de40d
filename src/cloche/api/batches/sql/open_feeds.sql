-- open_feeds: batches that still have something to tell, at most $1: in turns the oldest of each tenant. Paused ones are
-- among them only for what of theirs was cancelled; those that another replica feeds are passed over.
SELECT f.batch_id, f.told, b.tenant, b.paused, b.cancelled_at IS NOT NULL AS cancelled,
       (SELECT coalesce(sum(count), 0)::bigint FROM batch_count c WHERE c.batch_id = f.batch_id AND c.measure = 0) AS finished
FROM batch_feed f JOIN batch b ON b.id = f.batch_id
WHERE f.batch_id IN (
    SELECT batch_id FROM (
        SELECT o.batch_id, row_number() OVER (PARTITION BY t.tenant ORDER BY o.batch_id) AS turn
        FROM batch_feed o JOIN batch t ON t.id = o.batch_id
        WHERE NOT o.done
          AND (NOT t.paused OR t.cancelled_at IS NOT NULL
               OR EXISTS (SELECT FROM batch_backlog q WHERE q.batch_id = o.batch_id AND q.cancelled))) x
    ORDER BY turn, batch_id LIMIT $1)
ORDER BY f.batch_id
FOR UPDATE OF f SKIP LOCKED
