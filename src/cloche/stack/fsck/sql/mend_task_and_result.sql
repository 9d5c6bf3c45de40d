-- mend_task_and_result: remove tasks of $1 that have a result.
DELETE FROM queue.task t USING queue.result r
WHERE t.evaluation_id = ANY ($1::uuid[]) AND r.evaluation_id = t.evaluation_id
