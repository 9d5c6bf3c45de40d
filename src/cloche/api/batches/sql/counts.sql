-- counts: what was counted of these batches, shards added up; of one measure, or of all.
SELECT batch_id, measure, bucket, sum(count)::bigint AS count FROM batch_count
WHERE batch_id = ANY ($1::uuid[]) AND ($2::smallint IS NULL OR measure = $2)
GROUP BY batch_id, measure, bucket HAVING sum(count) <> 0
ORDER BY batch_id, measure, bucket
