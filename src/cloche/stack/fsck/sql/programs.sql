-- programs: what is known of these evaluations to queue them; of a batch's also the frame of their programs.
SELECT e.id, e.tenant, e.runtime, e.cancel_requested, e.batch_id, e.lane, e.priority, s.program, f.body AS frame
FROM evaluation e JOIN submission s ON s.evaluation_id = e.id
LEFT JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
LEFT JOIN frame f ON f.tenant = p.tenant AND f.id = p.frame_id
WHERE e.id = ANY ($1::uuid[])
