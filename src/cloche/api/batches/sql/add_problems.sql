-- add_problems: to batch $1 of tenant $2, with what they are made of where that is new. Repeats change nothing.
WITH input AS (
    SELECT * FROM unnest($3::integer[], $4::text[], $5::bytea[], $6::bytea[], $7::integer[], $8::bytea[], $9::bytea[], $10::boolean[])
        AS i (number, key, problem_id, body, cases, frame_id, frame, forgeable)
), new_problem AS (
    INSERT INTO problem (tenant, id, body, cases)
    SELECT DISTINCT ON (problem_id) $2, problem_id, body, cases FROM input WHERE body IS NOT NULL ORDER BY problem_id
    ON CONFLICT DO NOTHING
), new_frame AS (
    INSERT INTO frame (tenant, id, body)
    SELECT DISTINCT ON (frame_id) $2, frame_id, frame FROM input ORDER BY frame_id
    ON CONFLICT DO NOTHING
)
INSERT INTO batch_problem (batch_id, number, key, tenant, problem_id, frame_id, frame_bytes, forgeable)
SELECT $1, number, key, $2, problem_id, frame_id, octet_length(frame), forgeable FROM input
ON CONFLICT DO NOTHING
