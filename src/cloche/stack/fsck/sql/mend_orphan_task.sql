-- mend_orphan_task: remove tasks of $1 that have no evaluation; they stay known, so that nobody queues them again.
DELETE FROM queue.task t
WHERE t.evaluation_id = ANY ($1::uuid[]) AND NOT EXISTS (SELECT FROM evaluation e WHERE e.id = t.evaluation_id)
