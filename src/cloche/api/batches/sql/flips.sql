-- flips: a page of the pairs of batches $1 and $2 of which just one passed, in the first batch's order, after a place.
SELECT pa.key, pa.number, ea.sample, ea.id AS a_id, ea.verdict AS a_verdict, eb.id AS b_id, eb.verdict AS b_verdict
FROM batch_problem pa
JOIN batch_problem pb ON pb.batch_id = $2 AND pb.key = pa.key
JOIN evaluation ea ON ea.batch_id = pa.batch_id AND ea.problem_number = pa.number AND NOT ea.superseded AND ea.repeat = 0
JOIN evaluation eb ON eb.batch_id = pb.batch_id AND eb.problem_number = pb.number AND NOT eb.superseded AND eb.repeat = 0
                  AND eb.sample = ea.sample
WHERE pa.batch_id = $1 AND (pa.number, ea.sample) > ($4, $5)
  AND ea.verdict IS NOT NULL AND eb.verdict IS NOT NULL
  AND NOT (ea.verdict = ANY ($3::text[]) OR eb.verdict = ANY ($3))
  AND (ea.verdict = 'accepted') <> (eb.verdict = 'accepted')
ORDER BY pa.number, ea.sample LIMIT $6
