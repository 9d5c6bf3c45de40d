-- What to tell the Queue Service next, at most $1 rows and (but for a single large one) $2 bytes of programs;
-- rows that another relay holds are passed over, and those of $3.
WITH taken AS (
    SELECT id, evaluation_id, kind, body FROM api_outbox WHERE id <> ALL ($3::bigint[]) ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
), sized AS (
    SELECT t.*, s.program, sum(coalesce(octet_length(s.program), 0)) OVER (ORDER BY t.id) AS reached
    FROM taken t
    LEFT JOIN submission s ON s.evaluation_id = t.evaluation_id AND t.kind = 'enqueue'
)
SELECT id, evaluation_id, kind, body, program
FROM sized
WHERE reached <= $2 OR reached = octet_length(program)
ORDER BY id
