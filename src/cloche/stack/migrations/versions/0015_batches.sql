-- Batches: many evaluations of shared problems, told to the queue a few at a time, counted as they end.

-- What a tenant submitted as a problem, under the SHA-256 of its canonical JSON.
CREATE TABLE problem (
    tenant     text NOT NULL,
    id         bytea NOT NULL CHECK (octet_length(id) = 32),
    body       bytea NOT NULL,                       -- ProblemRequest as canonical JSON
    cases      integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id)
);

-- A checked program without its sample (problem and a batch's defaults), under its own SHA-256; batches share it.
CREATE TABLE frame (
    tenant     text NOT NULL,
    id         bytea NOT NULL CHECK (octet_length(id) = 32),
    body       bytea NOT NULL,                       -- Frame as JSON
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id)
);

CREATE TABLE batch (
    id              uuid PRIMARY KEY,                -- UUIDv7: sorts by creation
    tenant          text NOT NULL,
    name            text NOT NULL DEFAULT '',
    labels          jsonb NOT NULL DEFAULT '{}',
    lane            text NOT NULL,
    k               integer[] NOT NULL,
    repeat          integer NOT NULL DEFAULT 1,
    head            bytea NOT NULL,                  -- BatchHead as JSON
    rerun_of        uuid,
    idempotency_key text,
    total           integer NOT NULL DEFAULT 0,      -- evaluations stored so far, repeats included
    lines           integer NOT NULL DEFAULT 0,      -- of the upload, how many are stored,
    digest          bytea NOT NULL DEFAULT '',       -- and the SHA-256 of all bytes up to there
    bad_lines       jsonb NOT NULL DEFAULT '[]',     -- the first that were left out
    bad_line_count  integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    line_at         timestamptz NOT NULL DEFAULT now(),  -- when the last lines came
    received_at     timestamptz,                     -- the upload is complete
    paused          boolean NOT NULL DEFAULT false,
    cancelled_at    timestamptz,                     -- asked for
    refused         text NOT NULL DEFAULT '',        -- why the upload was refused
    finished_at     timestamptz,                     -- all of it is finished
    deleted_at      timestamptz                      -- hidden; the storage worker removes it
);
CREATE INDEX batch_by_tenant ON batch (tenant, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX batch_open ON batch (id) WHERE finished_at IS NULL;
CREATE INDEX batch_deleted ON batch (id) WHERE deleted_at IS NOT NULL;
CREATE UNIQUE INDEX batch_once ON batch (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- The problems of a batch in the order of its upload, and what is counted of each. n samples of c solved it, in the
-- first of their repeats and as far as they say anything; finished and ungradable count every repeat.
CREATE TABLE batch_problem (
    batch_id     uuid NOT NULL REFERENCES batch ON DELETE CASCADE,
    number       integer NOT NULL,
    key          text NOT NULL,
    tenant       text NOT NULL,
    problem_id   bytea NOT NULL,
    frame_id     bytea NOT NULL,
    frame_bytes  integer NOT NULL,
    forgeable    boolean NOT NULL DEFAULT false,     -- its tests run where the program could reach them
    finished     integer NOT NULL DEFAULT 0,
    ungradable   integer NOT NULL DEFAULT 0,
    n            integer NOT NULL DEFAULT 0,
    c            integer NOT NULL DEFAULT 0,
    wall_time_ms double precision NOT NULL DEFAULT 0,    -- of all gradable repeats together
    PRIMARY KEY (batch_id, number),
    UNIQUE (batch_id, key),
    FOREIGN KEY (tenant, problem_id) REFERENCES problem,
    FOREIGN KEY (tenant, frame_id) REFERENCES frame
) WITH (fillfactor = 80);
CREATE INDEX batch_problem_of_problem ON batch_problem (tenant, problem_id);
CREATE INDEX batch_problem_of_frame ON batch_problem (tenant, frame_id);

-- Counts of a batch, in shards that are added up, so that no row is everybody's. measure and bucket as
-- cloche.contracts.tallies has them. What is taken back is a negative count.
CREATE TABLE batch_count (
    batch_id uuid NOT NULL REFERENCES batch ON DELETE CASCADE,
    shard    smallint NOT NULL,
    measure  smallint NOT NULL,
    bucket   smallint NOT NULL,
    count    bigint NOT NULL,
    PRIMARY KEY (batch_id, shard, measure, bucket)
) WITH (fillfactor = 70);

-- What the Queue Service was not told of yet: held back so that the queue never holds a whole batch.
CREATE TABLE batch_backlog (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id      uuid NOT NULL REFERENCES batch ON DELETE CASCADE,
    evaluation_id uuid NOT NULL UNIQUE REFERENCES evaluation ON DELETE CASCADE,
    body          bytea NOT NULL,                    -- NewTask as JSON, without its program
    cancelled     boolean NOT NULL DEFAULT false     -- told only as to be cancelled
);
CREATE INDEX batch_backlog_in_order ON batch_backlog (batch_id, id);
CREATE INDEX batch_backlog_cancelled ON batch_backlog (batch_id, id) WHERE cancelled;

-- How many of a batch the Queue Service was told; a row of its own, as uploads write the batch's.
CREATE TABLE batch_feed (
    batch_id uuid PRIMARY KEY REFERENCES batch ON DELETE CASCADE,
    told     integer NOT NULL DEFAULT 0,
    done     boolean NOT NULL DEFAULT false          -- nothing is left to tell
);
CREATE INDEX batch_feed_open ON batch_feed (batch_id) WHERE NOT done;

-- submission.program of a batch's evaluation holds only what is its own: the rest is in its problem's frame.
ALTER TABLE evaluation
    ADD COLUMN batch_id uuid,
    ADD COLUMN problem_number integer,
    ADD COLUMN sample integer,
    ADD COLUMN repeat integer,
    ADD COLUMN superseded boolean NOT NULL DEFAULT false;   -- a rerun took its place
CREATE UNIQUE INDEX evaluation_in_batch ON evaluation (batch_id, problem_number, sample, repeat)
    WHERE batch_id IS NOT NULL AND NOT superseded;
CREATE INDEX evaluation_superseded ON evaluation (batch_id) WHERE superseded;

GRANT SELECT, INSERT ON problem, frame TO cloche_api;
GRANT SELECT, INSERT ON batch TO cloche_api;
GRANT UPDATE (total, lines, digest, bad_lines, bad_line_count, line_at, received_at, paused, cancelled_at, refused,
              finished_at, deleted_at, idempotency_key) ON batch TO cloche_api;
GRANT SELECT, INSERT, UPDATE (finished, ungradable) ON batch_problem TO cloche_api;
GRANT SELECT, INSERT, UPDATE ON batch_count TO cloche_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON batch_backlog TO cloche_api;
GRANT SELECT, INSERT, UPDATE ON batch_feed TO cloche_api;
GRANT INSERT (batch_id, problem_number, sample, repeat), UPDATE (superseded) ON evaluation TO cloche_api;

GRANT SELECT, DELETE ON batch, problem, frame TO cloche_storage;
GRANT SELECT, UPDATE (finished, ungradable, n, c, wall_time_ms) ON batch_problem TO cloche_storage;
GRANT SELECT, INSERT, UPDATE ON batch_count TO cloche_storage;

-- The API may not delete evaluations at will: one that is finished, is its caller's, and is in no batch.
CREATE FUNCTION forget_evaluation(wanted uuid, owner text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    WITH gone AS (
        DELETE FROM public.evaluation
        WHERE id = wanted AND tenant = owner AND status = 'finished' AND batch_id IS NULL
        RETURNING id)
    SELECT EXISTS (SELECT FROM gone)
$$;
REVOKE ALL ON FUNCTION forget_evaluation(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_evaluation(uuid, text) TO cloche_api;
