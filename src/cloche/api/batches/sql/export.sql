-- export: a page of a batch's evaluations with their own part of the program, in the order problem, sample, repeat, after
-- such a place; only the first repeat of each if $5.
SELECT e.*, p.key AS problem_key, s.program FROM (
    SELECT id FROM evaluation
    WHERE batch_id = $1 AND NOT superseded AND (problem_number, sample, repeat) > ($2, $3, $4) AND (NOT $5 OR repeat = 0)
    ORDER BY problem_number, sample, repeat LIMIT $6) page
JOIN evaluation e USING (id)
JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
LEFT JOIN submission s ON s.evaluation_id = e.id
ORDER BY e.problem_number, e.sample, e.repeat
