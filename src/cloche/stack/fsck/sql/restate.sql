-- restate: make evaluation $1 and its stored record say what the record $2 says, given in columns; output is left.
WITH said AS (
    UPDATE evaluation SET verdict = $3, message = $4, attempt = $5, engine = coalesce($6, engine),
        isolation = coalesce($7, isolation), wall_time_ms = $8, cpu_time_ms = $9, peak_memory_bytes = $10
    WHERE id = $1 AND status = 'finished' RETURNING id
)
INSERT INTO verdict_record (evaluation_id, record) SELECT id, $2::bytea FROM said
ON CONFLICT (evaluation_id) DO UPDATE SET record = excluded.record
