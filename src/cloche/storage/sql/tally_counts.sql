-- tally_counts: add to the counts of batches, in the shard of this session; rows in the order of their key.
INSERT INTO batch_count AS c (batch_id, shard, measure, bucket, count)
SELECT n.batch_id, pg_backend_pid() % 8, n.measure, n.bucket, n.count
FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::bigint[]) AS n (batch_id, measure, bucket, count)
JOIN batch b ON b.id = n.batch_id
ORDER BY n.batch_id, n.measure, n.bucket
ON CONFLICT (batch_id, shard, measure, bucket) DO UPDATE SET count = c.count + excluded.count
