-- flakiness: how many of a batch's samples have at least two gradable repeats, and of how many those disagree; and the
-- mean over samples of how far their times lie apart, in shares of the mean.
SELECT count(*) AS samples, count(*) FILTER (WHERE verdicts > 1) AS disagreeing,
       avg(deviation / nullif(mean, 0)) AS spread
FROM (
    SELECT count(DISTINCT verdict) AS verdicts, stddev_samp(wall_time_ms) AS deviation, avg(wall_time_ms) AS mean
    FROM evaluation
    WHERE batch_id = $1 AND NOT superseded AND verdict IS NOT NULL AND verdict <> ALL ($2::text[])
    GROUP BY problem_number, sample
    HAVING count(*) > 1) r
