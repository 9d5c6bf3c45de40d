-- flaky: a page of a batch's samples with at least two gradable repeats, after a place; of all, or ($5) only where they
-- disagree.
SELECT p.key, r.*
FROM (
    SELECT problem_number, sample, count(*) AS runs, array_agg(verdict ORDER BY repeat) AS verdicts,
           min(wall_time_ms) AS shortest, max(wall_time_ms) AS longest, avg(wall_time_ms) AS mean,
           stddev_samp(wall_time_ms) AS deviation
    FROM evaluation
    WHERE batch_id = $1 AND NOT superseded AND verdict IS NOT NULL AND verdict <> ALL ($4::text[])
      AND (problem_number, sample) > ($2, $3)
    GROUP BY problem_number, sample
    HAVING count(*) > 1 AND (NOT $5 OR count(DISTINCT verdict) > 1)
    ORDER BY problem_number, sample LIMIT $6) r
JOIN batch_problem p ON p.batch_id = $1 AND p.number = r.problem_number
ORDER BY r.problem_number, r.sample
