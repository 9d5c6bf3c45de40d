-- task_and_result: tasks from $1 on that wait or run although they ended.
SELECT t.evaluation_id AS id, r.verdict AS detail FROM queue.task t JOIN queue.result r USING (evaluation_id)
WHERE t.evaluation_id >= $1
