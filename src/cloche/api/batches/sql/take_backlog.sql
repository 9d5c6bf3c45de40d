-- take_backlog: what to tell of the batches $1, at most $2 of each and (but for a single large one) $3 bytes of programs,
-- without the rows $4 and those that another replica holds.
WITH taken AS (
    SELECT t.* FROM unnest($1::uuid[], $2::integer[]) AS b (batch_id, room)
    CROSS JOIN LATERAL (
        SELECT q.id, q.batch_id, q.evaluation_id, q.body, q.cancelled FROM batch_backlog q
        WHERE q.batch_id = b.batch_id AND q.id <> ALL ($4::bigint[]) ORDER BY q.id LIMIT b.room FOR UPDATE SKIP LOCKED) t
), sized AS (
    SELECT t.*, s.program, p.frame_id, p.tenant,
           sum(octet_length(s.program) + p.frame_bytes) OVER (ORDER BY t.batch_id, t.id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM taken t
    JOIN evaluation e ON e.id = t.evaluation_id
    JOIN submission s ON s.evaluation_id = t.evaluation_id
    JOIN batch_problem p ON p.batch_id = e.batch_id AND p.number = e.problem_number
)
SELECT id, batch_id, evaluation_id, body, cancelled, program, frame_id, tenant FROM sized
WHERE coalesce(before, 0) < $3
ORDER BY batch_id, id
