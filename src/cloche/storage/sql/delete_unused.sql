-- delete_unused: problems and frames from before $1 that no batch has.
WITH gone AS (
    DELETE FROM problem p WHERE p.created_at < $1
      AND NOT EXISTS (SELECT FROM batch_problem b WHERE b.tenant = p.tenant AND b.problem_id = p.id)
)
DELETE FROM frame f WHERE f.created_at < $1
  AND NOT EXISTS (SELECT FROM batch_problem b WHERE b.tenant = f.tenant AND b.frame_id = f.id)
