-- uncount: take back what was counted of ungradable evaluations of batch $1: by verdict ($2 buckets, $3 how many), by
-- problem ($4 numbers, $5 how many). Rows are locked in the order of their key, as the storage worker does.
WITH counted AS (
    INSERT INTO batch_count AS c (batch_id, shard, measure, bucket, count)
    SELECT $1, -1, 0, n.bucket, -n.count FROM unnest($2::smallint[], $3::bigint[]) AS n (bucket, count) ORDER BY n.bucket
    ON CONFLICT (batch_id, shard, measure, bucket) DO UPDATE SET count = c.count + excluded.count
), taken AS (
    SELECT * FROM unnest($4::integer[], $5::integer[]) AS n (number, count)
), locked AS MATERIALIZED (
    SELECT p.number FROM batch_problem p JOIN taken USING (number) WHERE p.batch_id = $1 ORDER BY p.number
    FOR NO KEY UPDATE OF p
)
UPDATE batch_problem p SET finished = p.finished - t.count, ungradable = p.ungradable - t.count
FROM locked JOIN taken t USING (number)
WHERE p.batch_id = $1 AND p.number = locked.number
