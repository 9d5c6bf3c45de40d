-- Store submissions of one tenant ($1) and what the Queue Service must be told of them, in one statement.
WITH input AS (
    SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bytea[], $8::bytea[],
                         $9::text[], $10::integer[], $11::integer[])
        WITH ORDINALITY AS i (id, name, labels, runtime, rerun_of, program, task, lane, priority, queue_timeout_s, place)
), new_evaluation AS (
    INSERT INTO evaluation (id, tenant, name, labels, runtime, rerun_of, lane, priority, queue_timeout_s)
    SELECT id, $1, name, labels::jsonb, runtime, rerun_of, lane, priority, queue_timeout_s FROM input
), new_submission AS (
    INSERT INTO submission (evaluation_id, program) SELECT id, program FROM input
)
INSERT INTO api_outbox (evaluation_id, kind, body) SELECT id, 'enqueue', task FROM input ORDER BY place
