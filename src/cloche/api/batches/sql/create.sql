-- create: a batch that begins; nothing if its Idempotency-Key was used.
WITH fresh AS (
    INSERT INTO batch (id, tenant, name, labels, lane, k, repeat, head, rerun_of, idempotency_key)
    VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id
)
INSERT INTO batch_feed (batch_id) SELECT id FROM fresh RETURNING batch_id
