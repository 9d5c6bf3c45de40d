-- compare: the first repeats of batches $1 and $2, paired by the problem's key and sample: how many have which outcome.
-- A pair is gradable where both are finished with a verdict that says something.
WITH a AS (
    SELECT p.key, p.problem_id, e.sample, e.verdict FROM evaluation e
    JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
    WHERE e.batch_id = $1 AND NOT e.superseded AND e.repeat = 0
), b AS (
    SELECT p.key, p.problem_id, e.sample, e.verdict FROM evaluation e
    JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
    WHERE e.batch_id = $2 AND NOT e.superseded AND e.repeat = 0
), pair AS (
    SELECT a.key IS NOT NULL AS in_a, b.key IS NOT NULL AS in_b, a.problem_id <> b.problem_id AS changed,
           NOT (coalesce(a.verdict, 'cancelled') = ANY ($3::text[]) OR coalesce(b.verdict, 'cancelled') = ANY ($3)) AS gradable,
           a.verdict = 'accepted' AS a_passed, b.verdict = 'accepted' AS b_passed
    FROM a FULL JOIN b USING (key, sample)
)
SELECT count(*) FILTER (WHERE in_a AND NOT in_b) AS only_in_a,
       count(*) FILTER (WHERE in_b AND NOT in_a) AS only_in_b,
       count(*) FILTER (WHERE in_a AND in_b AND NOT gradable) AS ungradable,
       count(*) FILTER (WHERE in_a AND in_b AND changed) AS changed,
       count(*) FILTER (WHERE in_a AND in_b AND gradable AND a_passed AND b_passed) AS both_passed,
       count(*) FILTER (WHERE in_a AND in_b AND gradable AND a_passed AND NOT b_passed) AS only_a_passed,
       count(*) FILTER (WHERE in_a AND in_b AND gradable AND b_passed AND NOT a_passed) AS only_b_passed,
       count(*) FILTER (WHERE in_a AND in_b AND gradable AND NOT a_passed AND NOT b_passed) AS neither_passed
FROM pair
