-- Store a submission and what the Queue Service must be told of it, in one statement.
WITH new_evaluation AS (
    INSERT INTO evaluation (id, tenant, name, labels, runtime, rerun_of)
    VALUES ($1, $2, $3, $4::text::jsonb, $5, $6)
), new_submission AS (
    INSERT INTO submission (evaluation_id, program) VALUES ($1, $7)
)
INSERT INTO api_outbox (evaluation_id, kind, body) VALUES ($1, 'enqueue', $8)
