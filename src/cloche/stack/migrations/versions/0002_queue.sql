-- The queue: a small hot table, its history, and what it has to publish. Owner: the migrating role.
-- Only cloche_queue has rights here.

CREATE SCHEMA queue;

CREATE TABLE queue.lane (
    lane    text PRIMARY KEY,
    urgency smallint NOT NULL,                      -- lanes with a smaller number are served first
    paused  boolean NOT NULL DEFAULT false
);
INSERT INTO queue.lane (lane, urgency) VALUES ('interactive', 0), ('batch', 10);

-- Every id that was ever enqueued. Its primary key is what makes enqueue idempotent for ever: a task's
-- row goes when it is done, and under READ COMMITTED no look into the history could see a completion
-- that commits while the enqueue runs.
CREATE TABLE queue.known (
    evaluation_id uuid PRIMARY KEY
);

-- What waits (lease_id is null) and what runs, nothing else.
CREATE TABLE queue.task (
    evaluation_id    uuid PRIMARY KEY,              -- UUIDv7: sorts by age
    tenant           text NOT NULL,
    lane             text NOT NULL,
    priority         integer NOT NULL,
    runtime          text NOT NULL,                 -- as wanted: name or name@version
    isolation        smallint NOT NULL,             -- rank of the least it accepts
    attempt          integer NOT NULL DEFAULT 0,    -- the attempt that runs or waits; 0 before the first lease
    started_attempts integer NOT NULL DEFAULT 0,    -- attempts lost after their program had, or may have, begun
    cells_lost       integer NOT NULL DEFAULT 0,
    lease_id         uuid,
    lease_until      timestamptz,                   -- in no index, so that heartbeats stay on their page
    worker           text,
    cancel_requested boolean NOT NULL DEFAULT false,
    run_at           timestamptz NOT NULL DEFAULT now(),
    queued_at        timestamptz NOT NULL DEFAULT now(),
    leased_at        timestamptz,
    queue_timeout    interval NOT NULL,
    deadline_at      timestamptz NOT NULL,          -- of the waiting, not of the run
    trace_parent     text,
    program          bytea NOT NULL                 -- Program as JSON, kept unread
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE queue.task ALTER COLUMN program SET STORAGE EXTERNAL;   -- short-lived: not worth compressing
CREATE INDEX task_waiting ON queue.task (lane, tenant, runtime, isolation, priority DESC, evaluation_id)
    WHERE lease_id IS NULL;
CREATE INDEX task_deadline ON queue.task (deadline_at) WHERE lease_id IS NULL;
CREATE INDEX task_running ON queue.task (lane, tenant) WHERE lease_id IS NOT NULL;

-- How every task ended, partitioned by the day in its id.
CREATE TABLE queue.result (
    evaluation_id uuid PRIMARY KEY,
    tenant        text NOT NULL,
    lane          text NOT NULL,
    verdict       text NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN ('completed', 'cancelled', 'dead')),
    reason        text NOT NULL DEFAULT '',
    attempts      integer NOT NULL,                 -- how many began
    lease_id      uuid,
    record        bytea NOT NULL,                   -- TerminalRecord as JSON
    tx            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    wait_s        double precision,                 -- from ready to leased, of the last attempt
    finished_at   timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (evaluation_id);
CREATE INDEX result_in_commit_order ON queue.result (tx, evaluation_id);
CREATE INDEX result_by_time ON queue.result (finished_at);
CREATE INDEX result_dead ON queue.result (finished_at, evaluation_id) WHERE outcome = 'dead';
CREATE TABLE queue.result_other PARTITION OF queue.result DEFAULT;

-- What the bus must still be told, in order for each evaluation.
CREATE TABLE queue.outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    evaluation_id uuid NOT NULL,
    attempt       integer NOT NULL,
    type          text NOT NULL,
    body          bytea,                            -- null: the body is the record in queue.result
    created_at    timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE queue.executor_seen (
    worker   text NOT NULL,
    executor text NOT NULL,
    offer    bytea NOT NULL,                        -- ExecutorOffer as JSON
    seen_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker, executor)
);

-- The smallest id of a day: 48 bits of Unix milliseconds, the rest zero.
CREATE FUNCTION queue.first_id(day date) RETURNS uuid LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT pg_catalog.rpad(pg_catalog.lpad(pg_catalog.to_hex(
        (extract(epoch FROM day::timestamp AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Make sure that today's partition and those of the next days exist. A day whose ids already lie in
-- the default partition stays there. Attaching locks less than creating in place: readers go on.
CREATE FUNCTION queue.prepare_days(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    today   date := (pg_catalog.now() AT TIME ZONE 'UTC')::date;
    day     date;
    name    text;
    created integer := 0;
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('cloche.queue.prepare_days', 0));
    FOR step IN 0 .. least(ahead, 31) LOOP
        day := today + step;
        name := 'result_' || pg_catalog.to_char(day, 'YYYYMMDD');
        CONTINUE WHEN pg_catalog.to_regclass('queue.' || name) IS NOT NULL;
        CONTINUE WHEN EXISTS (SELECT FROM queue.result_other
                              WHERE evaluation_id >= queue.first_id(day) AND evaluation_id < queue.first_id(day + 1));
        EXECUTE pg_catalog.format('CREATE TABLE queue.%I (LIKE queue.result INCLUDING ALL)', name);
        EXECUTE pg_catalog.format('ALTER TABLE queue.result ATTACH PARTITION queue.%I FOR VALUES FROM (%L) TO (%L)',
                                  name, queue.first_id(day), queue.first_id(day + 1));
        created := created + 1;
    END LOOP;
    RETURN created;
END
$$;
REVOKE ALL ON FUNCTION queue.first_id(date), queue.prepare_days(integer) FROM PUBLIC;

SELECT queue.prepare_days(3);

GRANT USAGE ON SCHEMA queue TO cloche_queue;
GRANT SELECT, UPDATE (paused) ON queue.lane TO cloche_queue;
GRANT SELECT, INSERT ON queue.known, queue.result TO cloche_queue;
GRANT SELECT, INSERT, UPDATE, DELETE ON queue.task, queue.executor_seen TO cloche_queue;
GRANT SELECT, INSERT, DELETE ON queue.outbox TO cloche_queue;
GRANT EXECUTE ON FUNCTION queue.prepare_days(integer) TO cloche_queue;
GRANT USAGE ON SCHEMA public TO cloche_queue;
GRANT SELECT ON public.api_key TO cloche_queue;
