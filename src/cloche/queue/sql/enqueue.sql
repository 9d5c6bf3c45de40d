-- enqueue: queue tasks whose id was never seen before. One row: how many were new, the time, and a lane that does
-- not exist if one is named; then nothing was queued.
-- The order of the ids keeps two overlapping batches from waiting for each other.
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::smallint[],
                         $7::integer[], $8::text[], $9::bytea[], $10::timestamptz[])
        AS i (evaluation_id, tenant, lane, priority, runtime, isolation, queue_timeout_s, trace_parent, program, run_at)
), stray AS (
    SELECT i.lane FROM input i WHERE NOT EXISTS (SELECT FROM queue.lane l WHERE l.lane = i.lane) LIMIT 1
), new AS (
    INSERT INTO queue.known (evaluation_id)
    SELECT DISTINCT evaluation_id FROM input WHERE NOT EXISTS (SELECT FROM stray) ORDER BY evaluation_id
    ON CONFLICT DO NOTHING
    RETURNING evaluation_id
), queued AS (
    INSERT INTO queue.task (evaluation_id, tenant, lane, priority, runtime, isolation, queue_timeout, deadline_at,
                            trace_parent, program, run_at, due)
    SELECT DISTINCT ON (evaluation_id) evaluation_id, tenant, lane, priority, runtime, isolation,
           make_interval(secs => queue_timeout_s), greatest(now(), run_at) + make_interval(secs => queue_timeout_s),
           trace_parent, program, greatest(now(), run_at), coalesce(run_at <= now(), true)
    FROM input JOIN new USING (evaluation_id)
    RETURNING evaluation_id
)
SELECT count(*) AS accepted, now() AS queued_at, (SELECT lane FROM stray) AS stray FROM queued
