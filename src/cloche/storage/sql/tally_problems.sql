-- tally_problems: add to what is counted of problems in batches. Rows are locked in the order of their key first.
WITH added AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::float8[])
        AS n (batch_id, number, finished, ungradable, n, c, wall_time_ms)
), locked AS MATERIALIZED (
    SELECT p.batch_id, p.number FROM batch_problem p JOIN added USING (batch_id, number)
    ORDER BY p.batch_id, p.number FOR NO KEY UPDATE OF p
)
UPDATE batch_problem p
SET finished = p.finished + a.finished, ungradable = p.ungradable + a.ungradable, n = p.n + a.n, c = p.c + a.c,
    wall_time_ms = p.wall_time_ms + a.wall_time_ms
FROM locked JOIN added a USING (batch_id, number)
WHERE p.batch_id = locked.batch_id AND p.number = locked.number
