-- copy_problems: batch $2 has the problems of batch $1.
INSERT INTO batch_problem (batch_id, number, key, tenant, problem_id, frame_id, frame_bytes, forgeable)
SELECT $2, number, key, tenant, problem_id, frame_id, frame_bytes, forgeable FROM batch_problem WHERE batch_id = $1
