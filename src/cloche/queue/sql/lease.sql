-- lease: claim up to $3 waiting tasks that the offers ($1 runtimes as wanted, $2 strongest isolation of each) can run.
-- Order: urgent lanes, then tenants with fewer running tasks, then priority, then age. Tenants that tie take turns
-- by chance. A class is what one index range holds: work that nobody here can run costs one probe, not a scan.
WITH RECURSIVE offer AS (
    SELECT * FROM unnest($1::text[], $2::smallint[]) AS o (runtime, isolation)
), class AS (
    (SELECT lane, tenant, runtime, isolation FROM queue.task
     WHERE lease_id IS NULL ORDER BY lane, tenant, runtime, isolation LIMIT 1)
    UNION ALL
    SELECT later.* FROM class c CROSS JOIN LATERAL (
        SELECT t.lane, t.tenant, t.runtime, t.isolation FROM queue.task t
        WHERE t.lease_id IS NULL
          AND (t.lane, t.tenant, t.runtime, t.isolation) > (c.lane, c.tenant, c.runtime, c.isolation)
        ORDER BY t.lane, t.tenant, t.runtime, t.isolation LIMIT 1) later
), runnable AS (
    SELECT c.*, l.urgency FROM class c
    JOIN queue.lane l ON l.lane = c.lane AND NOT l.paused
    JOIN offer o ON o.runtime = c.runtime AND o.isolation >= c.isolation
    WHERE EXISTS (
        SELECT FROM queue.task t
        WHERE t.lease_id IS NULL AND t.run_at <= now()
          AND t.lane = c.lane AND t.tenant = c.tenant AND t.runtime = c.runtime AND t.isolation = c.isolation)
), served AS (
    SELECT w.*, r.n, count(*) OVER () AS tenants
    FROM (SELECT lane, tenant, urgency, array_agg(runtime) AS runtimes, array_agg(isolation) AS isolations
          FROM runnable GROUP BY lane, tenant, urgency) w
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM queue.task t
        WHERE t.lease_id IS NOT NULL AND t.lane = w.lane AND t.tenant = w.tenant) r
    ORDER BY w.urgency, r.n, random() LIMIT $3
), candidate AS (
    SELECT t.evaluation_id, t.priority, s.urgency,
           s.n + row_number() OVER (PARTITION BY s.lane, s.tenant ORDER BY t.priority DESC, t.evaluation_id) AS turn
    FROM served s CROSS JOIN LATERAL unnest(s.runtimes, s.isolations) AS r (runtime, isolation)
    CROSS JOIN LATERAL (
        SELECT q.evaluation_id, q.priority FROM queue.task q
        WHERE q.lease_id IS NULL AND q.run_at <= now()
          AND q.lane = s.lane AND q.tenant = s.tenant AND q.runtime = r.runtime AND q.isolation = r.isolation
        ORDER BY q.priority DESC, q.evaluation_id
        LIMIT ceil($3::numeric / least(s.tenants, $3)) * 2) t
), picked AS (
    SELECT t.evaluation_id, c.urgency, c.turn
    FROM queue.task t
    JOIN (SELECT * FROM candidate ORDER BY urgency, turn, priority DESC, evaluation_id LIMIT $3) c USING (evaluation_id)
    WHERE t.lease_id IS NULL
    FOR UPDATE OF t SKIP LOCKED
), leased AS (
    UPDATE queue.task t
    SET lease_id = gen_random_uuid(), lease_until = now() + $4::interval, worker = $5, leased_at = now(),
        attempt = greatest(attempt, 1)
    FROM picked p WHERE t.evaluation_id = p.evaluation_id
    RETURNING t.*, p.urgency, p.turn
), noted AS (
    INSERT INTO queue.outbox (evaluation_id, attempt, type, body)
    SELECT evaluation_id, attempt, 'evaluation.leased',
           convert_to(json_build_object(
               'worker', worker, 'leased_at', to_char(leased_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, 'UTF8')
    FROM leased
)
SELECT evaluation_id, lease_id, attempt, tenant, queued_at, leased_at, trace_parent, program
FROM leased ORDER BY urgency, turn, priority DESC, evaluation_id
