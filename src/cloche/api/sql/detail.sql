-- One evaluation of a tenant with its terminal record and its program; in a batch its own part of it, and the frame.
SELECT e.*, v.record, v.missing, s.program, f.body AS frame, p.key AS problem_key
FROM evaluation e
LEFT JOIN verdict_record v ON v.evaluation_id = e.id
LEFT JOIN submission s ON s.evaluation_id = e.id
LEFT JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
LEFT JOIN frame f ON f.tenant = p.tenant AND f.id = p.frame_id
WHERE e.id = $1 AND e.tenant = $2
