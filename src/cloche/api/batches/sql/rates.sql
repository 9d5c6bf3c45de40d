-- rates: how many problems of a batch have c of n samples solved.
SELECT n, c, count(*) AS problems, bool_or(forgeable) AS forgeable FROM batch_problem WHERE batch_id = $1 GROUP BY n, c ORDER BY n, c
