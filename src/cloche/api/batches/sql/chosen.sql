-- chosen: a page of the evaluations of batch $1 with one of the verdicts $2 and an id before $3, after a place.
SELECT e.id, e.tenant, e.problem_number, e.sample, e.repeat, e.name, e.labels, e.priority, e.queue_timeout_s, s.program, p.frame_id
FROM (
    SELECT id FROM evaluation
    WHERE batch_id = $1 AND NOT superseded AND status = 'finished' AND verdict = ANY ($2::text[]) AND id < $3
      AND (problem_number, sample, repeat) > ($4, $5, $6)
    ORDER BY problem_number, sample, repeat LIMIT $7) page
JOIN evaluation e USING (id)
JOIN submission s ON s.evaluation_id = e.id
JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
ORDER BY e.problem_number, e.sample, e.repeat
