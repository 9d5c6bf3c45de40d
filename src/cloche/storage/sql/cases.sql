-- Add decided cases of evaluations that are not finished; the record's word replaces the provisional one.
-- The lock as in output.sql.
INSERT INTO case_result (evaluation_id, attempt, case_index, body, seq, epoch)
SELECT n.evaluation_id, n.attempt, n.case_index, n.body, n.seq, $6
FROM unnest($1::uuid[], $2::int[], $3::int[], $4::bytea[], $5::int[])
  AS n (evaluation_id, attempt, case_index, body, seq)
JOIN evaluation e ON e.id = n.evaluation_id AND e.status <> 'finished' AND e.attempt <= n.attempt
FOR KEY SHARE OF e
ON CONFLICT (evaluation_id, attempt, case_index) DO UPDATE SET body = excluded.body
