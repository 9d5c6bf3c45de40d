-- Store verdicts, each once and for ever; answers which of them are new, and their places in batches.
WITH n AS (
    SELECT *
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[],
                $9::float8[], $10::bigint[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
                $14::timestamptz[], $15::int[], $16::int[], $17::bytea[], $18::text[], $20::int[], $21::int[])
      AS n (id, attempt, verdict, message, runtime, engine, isolation, wall_time_ms, cpu_time_ms, peak_memory_bytes,
            queued_at, leased_at, started_at, finished_at, started_seq, finished_seq, record, missing,
            queued_seq, leased_seq)
), done AS (
    UPDATE evaluation e
    SET status = 'finished',
        attempt = n.attempt,
        verdict = n.verdict,
        message = n.message,
        runtime = coalesce(n.runtime, e.runtime),
        engine = n.engine,
        isolation = n.isolation,
        wall_time_ms = n.wall_time_ms,
        cpu_time_ms = n.cpu_time_ms,
        peak_memory_bytes = n.peak_memory_bytes,
        queued_at = coalesce(e.queued_at, n.queued_at),
        leased_at = coalesce(n.leased_at, e.leased_at),
        started_at = coalesce(n.started_at, e.started_at),
        started_seq = CASE WHEN e.attempt = n.attempt AND e.started_seq IS NOT NULL THEN e.started_seq
                           ELSE n.started_seq END,
        queued_seq = coalesce(e.queued_seq, n.queued_seq),
        leased_seq = CASE WHEN e.attempt = n.attempt THEN coalesce(e.leased_seq, n.leased_seq) ELSE n.leased_seq END,
        finished_seq = n.finished_seq,
        finished_at = n.finished_at,
        stored_at = now(),
        epoch = $19
    FROM n
    WHERE e.id = n.id AND e.status <> 'finished'
    RETURNING e.id, e.batch_id, e.problem_number, e.repeat
), stored AS (
    INSERT INTO verdict_record (evaluation_id, record, missing)
    SELECT n.id, n.record, n.missing::jsonb FROM n JOIN done USING (id)
), waited AS (
    DELETE FROM awaiting_output a USING done WHERE a.evaluation_id = done.id
)
SELECT id, batch_id, problem_number, repeat FROM done
