-- Move evaluations forward; never back to an earlier attempt and never once finished.
UPDATE evaluation e
SET attempt = n.attempt,
    status = CASE WHEN n.running THEN 'running' WHEN n.attempt > e.attempt THEN 'queued' ELSE e.status END,
    queued_at = coalesce(n.queued_at, e.queued_at),
    queued_seq = coalesce(n.queued_seq, e.queued_seq),
    leased_at = CASE WHEN n.attempt > e.attempt THEN n.leased_at ELSE coalesce(n.leased_at, e.leased_at) END,
    leased_seq = CASE WHEN n.attempt > e.attempt THEN n.leased_seq ELSE coalesce(n.leased_seq, e.leased_seq) END,
    started_at = CASE WHEN n.attempt > e.attempt THEN n.started_at ELSE coalesce(n.started_at, e.started_at) END,
    started_seq = CASE WHEN n.attempt > e.attempt THEN n.started_seq ELSE coalesce(n.started_seq, e.started_seq) END,
    runtime = coalesce(n.runtime, e.runtime),
    engine = coalesce(n.engine, e.engine),
    isolation = coalesce(n.isolation, e.isolation),
    epoch = $13
FROM unnest($1::uuid[], $2::int[], $3::bool[], $4::timestamptz[], $5::int[], $6::timestamptz[], $7::int[],
            $8::timestamptz[], $9::int[], $10::text[], $11::text[], $12::text[])
  AS n (id, attempt, running, queued_at, queued_seq, leased_at, leased_seq,
        started_at, started_seq, runtime, engine, isolation)
WHERE e.id = n.id AND e.status <> 'finished' AND n.attempt >= e.attempt
