-- open_feeds: batches that still have something to tell, at most $1; those that another replica feeds are passed over.
SELECT f.batch_id, f.told, b.tenant, b.paused, b.cancelled_at IS NOT NULL AS cancelled, b.received_at IS NOT NULL AS received,
       (SELECT coalesce(sum(count), 0)::bigint FROM batch_count c WHERE c.batch_id = f.batch_id AND c.measure = 0) AS finished
FROM batch_feed f JOIN batch b ON b.id = f.batch_id
WHERE NOT f.done
ORDER BY f.batch_id LIMIT $1
FOR UPDATE OF f SKIP LOCKED
