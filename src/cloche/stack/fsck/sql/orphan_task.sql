-- orphan_task: tasks from $1 on whose evaluation is gone.
SELECT t.evaluation_id AS id, CASE WHEN t.lease_id IS NULL THEN 'queued' ELSE 'running' END AS detail FROM queue.task t
WHERE t.evaluation_id >= $1 AND NOT EXISTS (SELECT FROM evaluation e WHERE e.id = t.evaluation_id)
