-- samples: a page of a batch's evaluations in the order problem, sample, repeat, after such a place.
SELECT e.*, p.key AS problem_key FROM (
    SELECT id FROM evaluation
    WHERE batch_id = $1 AND NOT superseded AND (problem_number, sample, repeat) > ($2, $3, $4)
      AND ($5::text IS NULL OR status = $5) AND ($6::text IS NULL OR verdict = $6)
      AND ($7::integer IS NULL OR problem_number = $7)
    ORDER BY problem_number, sample, repeat LIMIT $8) page
JOIN evaluation e USING (id)
JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
ORDER BY e.problem_number, e.sample, e.repeat
