-- An Idempotency-Key may have made a group of evaluations.

ALTER TABLE idempotency_key ADD COLUMN evaluation_ids uuid[];
UPDATE idempotency_key SET evaluation_ids = ARRAY[evaluation_id];
ALTER TABLE idempotency_key
    ALTER COLUMN evaluation_ids SET NOT NULL,
    DROP COLUMN evaluation_id;
