-- add_samples: to batch $1 of tenant $2, each place once; answers the ids that are new.
WITH input AS (
    SELECT * FROM unnest($3::uuid[], $4::integer[], $5::integer[], $6::integer[], $7::text[], $8::text[], $9::text[],
                         $10::bytea[], $11::bytea[], $12::integer[], $13::integer[], $14::uuid[])
        AS i (id, problem_number, sample, repeat, name, labels, runtime, own, task, priority, queue_timeout_s, rerun_of)
), new AS (
    INSERT INTO evaluation (id, tenant, name, labels, runtime, rerun_of, lane, priority, queue_timeout_s,
                            batch_id, problem_number, sample, repeat)
    SELECT id, $2, name, labels::jsonb, runtime, rerun_of, $15, priority, queue_timeout_s, $1, problem_number, sample, repeat
    FROM input
    ON CONFLICT (batch_id, problem_number, sample, repeat) WHERE batch_id IS NOT NULL AND NOT superseded DO NOTHING
    RETURNING id
), new_submission AS (
    INSERT INTO submission (evaluation_id, program) SELECT id, own FROM input JOIN new USING (id)
)
INSERT INTO batch_backlog (batch_id, evaluation_id, body)
SELECT $1, id, task FROM input JOIN new USING (id) ORDER BY id
RETURNING evaluation_id
