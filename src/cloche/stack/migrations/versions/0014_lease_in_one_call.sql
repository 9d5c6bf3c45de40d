-- A lease in one round trip, which also is how long its turn takes: no caller that is slow or frozen keeps others waiting.

-- What queue/sql/lease_turn.sql and queue/sql/lease.sql say, word for word. Each of the three statements sees what was
-- committed before it began, not before the first: this is plpgsql and VOLATILE for that.
CREATE FUNCTION queue.lease_tasks(text[], smallint[], integer, interval, text, bigint)
RETURNS TABLE (evaluation_id uuid, lease_id uuid, attempt integer, tenant text, lane text, queued_at timestamptz,
               run_at timestamptz, leased_at timestamptz, trace_parent text, program bytea)
LANGUAGE plpgsql VOLATILE AS $function$
#variable_conflict use_column
BEGIN
-- lease_turn: wait until no other replica leases, so that the next statement, which sees all they did, counts what
-- runs exactly; then let up to 1,000 delayed tasks wait in line whose time has come.
PERFORM pg_advisory_xact_lock(hashtextextended('cloche.queue.lease', 0));
UPDATE queue.task SET due = true WHERE evaluation_id = ANY (ARRAY (
    SELECT evaluation_id FROM queue.task WHERE lease_id IS NULL AND NOT due AND run_at <= now()
    ORDER BY run_at LIMIT 1000 FOR UPDATE SKIP LOCKED));
RETURN QUERY
-- lease: claim up to $3 waiting tasks that the offers ($1 runtimes as wanted, $2 strongest isolation of each) can run.
-- Order: urgent lanes, then tenants with fewer running tasks for their weight, then priority, then age. Tenants that
-- tie take turns by chance. A class is what one index range holds: work that nobody here can run costs one probe.
-- A task's turn is how many its tenant would run with it, over the weight; nobody is passed over at a lower turn.
-- The last is the one whose program brings them to $6 bytes.
WITH RECURSIVE offer AS (
    SELECT * FROM unnest($1::text[], $2::smallint[]) AS o (runtime, isolation)
), class AS (
    (SELECT lane, tenant, runtime, isolation FROM queue.task
     WHERE lease_id IS NULL AND due ORDER BY lane, tenant, runtime, isolation LIMIT 1)
    UNION ALL
    SELECT later.* FROM class c CROSS JOIN LATERAL (
        SELECT t.lane, t.tenant, t.runtime, t.isolation FROM queue.task t
        WHERE t.lease_id IS NULL AND t.due
          AND (t.lane, t.tenant, t.runtime, t.isolation) > (c.lane, c.tenant, c.runtime, c.isolation)
        ORDER BY t.lane, t.tenant, t.runtime, t.isolation LIMIT 1) later
), lane AS (
    SELECT l.lane, l.urgency, coalesce(least(
        CASE WHEN l.max_running IS NOT NULL THEN l.max_running - (
            SELECT count(*) FROM queue.task t WHERE t.lease_id IS NOT NULL AND t.lane = l.lane) END,
        -- What was not used adds up for two seconds, the longest time between two looks; one lease is always saved up.
        floor(l.rate_per_s * least(extract(epoch FROM now() - l.rate_from), greatest(2, 1 / l.rate_per_s)) + 1e-6)), $3::integer) AS room
    FROM queue.lane l WHERE NOT l.paused
), served AS (
    SELECT * FROM (
        SELECT w.*, r.n, s.weight, s.room AS tenant_room, s.luck,
               row_number() OVER (PARTITION BY w.lane ORDER BY (r.n + 1) / s.weight, s.luck) AS place
        FROM (SELECT c.lane, c.tenant, l.urgency, l.room AS lane_room,
                     array_agg(c.runtime) AS runtimes, array_agg(c.isolation) AS isolations
              FROM class c JOIN lane l ON l.lane = c.lane AND l.room > 0
              JOIN offer o ON o.runtime = c.runtime AND o.isolation >= c.isolation
              GROUP BY c.lane, c.tenant, l.urgency, l.room) w
        CROSS JOIN LATERAL (
            SELECT count(*) AS n FROM queue.task t
            WHERE t.lease_id IS NOT NULL AND t.lane = w.lane AND t.tenant = w.tenant) r
        CROSS JOIN LATERAL (
            SELECT q.weight, random() AS luck, CASE WHEN q.max_running IS NULL THEN $3 ELSE q.max_running - (
                SELECT count(*) FROM queue.task t
                WHERE t.lease_id IS NOT NULL AND t.lane = ANY (ARRAY (SELECT lane FROM queue.lane)) AND t.tenant = w.tenant) END AS room
            FROM queue.tenant q WHERE q.tenant IN (w.tenant, '') ORDER BY q.tenant DESC LIMIT 1) s
        WHERE s.room > 0) t
    WHERE place <= lane_room
    ORDER BY urgency, (n + 1) / weight, luck LIMIT $3
), far AS (
    -- Up to which turn to look in each lane: twice as far as needed, as some have less work than turns.
    SELECT lane, max(turn) AS turn FROM (
        SELECT s.lane, (s.n + k) / s.weight AS turn,
               row_number() OVER (PARTITION BY s.lane ORDER BY (s.n + k) / s.weight) AS place
        FROM served s CROSS JOIN generate_series(1, $3) AS k) x
    WHERE place <= 2 * $3 GROUP BY lane
), candidate AS (
    SELECT t.evaluation_id, t.priority, s.lane, s.tenant, s.urgency, s.lane_room, s.tenant_room, s.luck,
           (s.n + row_number() OVER (PARTITION BY s.lane, s.tenant ORDER BY t.priority DESC, t.evaluation_id)) / s.weight AS turn
    FROM served s JOIN far USING (lane)
    CROSS JOIN LATERAL unnest(s.runtimes, s.isolations) AS r (runtime, isolation)
    CROSS JOIN LATERAL (
        SELECT q.evaluation_id, q.priority FROM queue.task q
        WHERE q.lease_id IS NULL AND q.due
          AND q.lane = s.lane AND q.tenant = s.tenant AND q.runtime = r.runtime AND q.isolation = r.isolation
        ORDER BY q.priority DESC, q.evaluation_id
        LIMIT greatest(0, least($3, s.tenant_room, round(far.turn * s.weight) - s.n))::bigint) t
), allowed AS (
    SELECT *, row_number() OVER (PARTITION BY lane ORDER BY turn, priority DESC, luck, evaluation_id) AS in_lane,
           row_number() OVER (PARTITION BY tenant ORDER BY urgency, turn, priority DESC, evaluation_id) AS in_tenant
    FROM candidate
), chosen AS (
    SELECT evaluation_id, urgency, turn FROM allowed WHERE in_lane <= lane_room AND in_tenant <= tenant_room
    ORDER BY urgency, turn, priority DESC, luck, evaluation_id LIMIT $3
), picked AS (
    SELECT evaluation_id, priority, octet_length(program) AS bytes FROM queue.task
    WHERE evaluation_id = ANY (ARRAY (SELECT evaluation_id FROM chosen)) AND num_nulls(lease_id) = 1
    FOR UPDATE SKIP LOCKED
), fitting AS (
    SELECT evaluation_id FROM (
        SELECT evaluation_id, sum(bytes) OVER (ORDER BY urgency, turn, priority DESC, evaluation_id
                                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
        FROM picked JOIN chosen USING (evaluation_id)) p
    WHERE coalesce(before, 0) < $6
), leased AS (
    UPDATE queue.task
    SET lease_id = gen_random_uuid(), lease_until = now() + $4::interval, worker = $5, leased_at = now(),
        attempt = greatest(attempt, 1)
    WHERE evaluation_id = ANY (ARRAY (SELECT evaluation_id FROM fitting))
    RETURNING *
), spent AS (
    UPDATE queue.lane l
    SET rate_from = greatest(l.rate_from, now() - make_interval(secs => greatest(2, 1 / l.rate_per_s)))
                    + make_interval(secs => u.leases / l.rate_per_s)
    FROM (SELECT lane, count(*) AS leases FROM leased GROUP BY lane) u
    WHERE l.lane = u.lane AND l.rate_per_s IS NOT NULL
), noted AS (
    INSERT INTO queue.outbox (evaluation_id, attempt, type, body)
    SELECT evaluation_id, attempt, 'evaluation.leased',
           convert_to(json_build_object(
               'worker', worker,
               'leased_at', to_char(leased_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               'queued_at', to_char(queued_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, 'UTF8')
    FROM leased
)
SELECT evaluation_id, lease_id, attempt, tenant, lane, queued_at, run_at, leased_at, trace_parent, program
FROM leased JOIN chosen USING (evaluation_id) ORDER BY urgency, turn, priority DESC, evaluation_id;
END
$function$;
REVOKE ALL ON FUNCTION queue.lease_tasks(text[], smallint[], integer, interval, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.lease_tasks(text[], smallint[], integer, interval, text, bigint) TO cloche_queue;
