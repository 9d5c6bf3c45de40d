-- told: the Queue Service was told of these rows.
WITH gone AS (
    DELETE FROM batch_backlog WHERE id = ANY ($1::bigint[]) RETURNING batch_id
)
UPDATE batch_feed f SET told = f.told + n.count
FROM (SELECT batch_id, count(*)::integer AS count FROM gone GROUP BY batch_id) n WHERE f.batch_id = n.batch_id
