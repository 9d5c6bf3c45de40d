-- lease_overdue: tasks from $1 on whose lease ran out more than a minute ago, which is two of the usual leases.
SELECT t.evaluation_id AS id, 'since ' || to_char(t.lease_until, 'YYYY-MM-DD HH24:MI:SS') AS detail FROM queue.task t
WHERE t.evaluation_id >= $1 AND t.lease_id IS NOT NULL AND t.lease_until < now() - interval '1 minute'
