-- The record: what was submitted, how it went, what it wrote. Owner: the migrating role.
-- The role names are fixed: cloche_api, cloche_storage, cloche_queue.

CREATE TABLE evaluation (
    id                uuid PRIMARY KEY,          -- UUIDv7: sorts by creation
    tenant            text NOT NULL,
    name              text NOT NULL DEFAULT '',
    labels            jsonb NOT NULL DEFAULT '{}',
    runtime           text NOT NULL,             -- as wanted, then as run
    rerun_of          uuid,
    created_at        timestamptz NOT NULL DEFAULT now(),
    status            text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'finished')),
    verdict           text,
    message           text NOT NULL DEFAULT '',
    engine            text,
    isolation         text,
    attempt           integer NOT NULL DEFAULT 0,   -- the highest attempt whose events were applied
    wall_time_ms      double precision,
    cpu_time_ms       double precision,
    peak_memory_bytes bigint,
    cancel_requested  boolean NOT NULL DEFAULT false,
    epoch             text,                         -- of the bus, with the sequences below
    queued_seq        integer,
    leased_seq        integer,
    started_seq       integer,
    finished_seq      integer,
    queued_at         timestamptz,
    leased_at         timestamptz,
    started_at        timestamptz,
    finished_at       timestamptz,
    stored_at         timestamptz
);
CREATE INDEX evaluation_by_tenant ON evaluation (tenant, id DESC);
CREATE INDEX evaluation_by_verdict ON evaluation (tenant, verdict, id DESC);
CREATE INDEX evaluation_unfinished ON evaluation (tenant, status, id DESC) WHERE status <> 'finished';
CREATE INDEX evaluation_by_label ON evaluation USING gin (labels jsonb_path_ops);

-- The body of the submission as JSON; bytea because a program may hold what jsonb can't (NUL).
CREATE TABLE submission (
    evaluation_id uuid PRIMARY KEY REFERENCES evaluation ON DELETE CASCADE,
    program       bytea NOT NULL
);

-- The terminal record without its output and cases, as JSON, and what was lost on the way.
CREATE TABLE verdict_record (
    evaluation_id uuid PRIMARY KEY REFERENCES evaluation ON DELETE CASCADE,
    record        bytea NOT NULL,
    missing       jsonb NOT NULL DEFAULT '{}'       -- {"stdout": [[from, to], …], …}
);

-- Output as it arrives, never rewritten.
CREATE TABLE output (
    evaluation_id uuid NOT NULL REFERENCES evaluation ON DELETE CASCADE,
    attempt       integer NOT NULL,
    stream        smallint NOT NULL CHECK (stream IN (1, 2)),   -- 1 stdout, 2 stderr
    byte_offset   bigint NOT NULL,
    data          bytea NOT NULL,
    epoch         text,
    seq           integer,
    at            timestamptz NOT NULL,
    PRIMARY KEY (evaluation_id, attempt, stream, byte_offset)
);

CREATE TABLE case_result (
    evaluation_id uuid NOT NULL REFERENCES evaluation ON DELETE CASCADE,
    attempt       integer NOT NULL,
    case_index    integer NOT NULL,
    body          bytea NOT NULL,                   -- CaseResult as JSON
    epoch         text,
    seq           integer,
    PRIMARY KEY (evaluation_id, attempt, case_index)
);

-- A terminal record that waits for output events still on their way (at most 10 s).
CREATE TABLE awaiting_output (
    evaluation_id uuid PRIMARY KEY REFERENCES evaluation ON DELETE CASCADE,
    record        bytea NOT NULL,
    seen_at       timestamptz NOT NULL DEFAULT now()
);

-- What the API still has to tell the Queue Service, in order for each evaluation.
CREATE TABLE api_outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    evaluation_id uuid NOT NULL REFERENCES evaluation ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('enqueue', 'cancel')),
    body          bytea                              -- NewTask as JSON for 'enqueue'
);

CREATE TABLE idempotency_key (
    tenant        text NOT NULL,
    key           text NOT NULL,
    request_hash  bytea NOT NULL,
    evaluation_id uuid NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);

CREATE TABLE api_key (
    id           text PRIMARY KEY,                   -- public part of the key
    secret_hash  bytea NOT NULL,                     -- SHA-256 of the secret part
    tenant       text NOT NULL,
    scopes       text[] NOT NULL,
    name         text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz
);

-- How far the storage worker has read the Queue Service's results.
CREATE TABLE storage_cursor (
    name     text PRIMARY KEY,
    position text NOT NULL
);

-- Events that can't be applied, with the reason.
CREATE TABLE poison_event (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ledger_id  text NOT NULL,
    shard      integer NOT NULL,
    reason     text NOT NULL,
    fields     jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

GRANT USAGE ON SCHEMA public TO cloche_api, cloche_storage, cloche_queue;

GRANT SELECT ON evaluation, submission, verdict_record, output, case_result, api_key, idempotency_key, api_outbox TO cloche_api;
GRANT INSERT (id, tenant, name, labels, runtime, rerun_of) ON evaluation TO cloche_api;
GRANT UPDATE (cancel_requested) ON evaluation TO cloche_api;
GRANT INSERT ON submission TO cloche_api;
GRANT INSERT, UPDATE, DELETE ON api_outbox TO cloche_api;   -- UPDATE: the relay locks the rows it takes
GRANT INSERT, DELETE ON idempotency_key TO cloche_api;
GRANT INSERT (id, secret_hash, tenant, scopes, name), UPDATE (revoked_at) ON api_key TO cloche_api;

GRANT SELECT, DELETE ON evaluation TO cloche_storage;
GRANT UPDATE (status, verdict, message, runtime, engine, isolation, attempt, wall_time_ms, cpu_time_ms,
              peak_memory_bytes, epoch, queued_seq, leased_seq, started_seq, finished_seq,
              queued_at, leased_at, started_at, finished_at, stored_at) ON evaluation TO cloche_storage;
GRANT SELECT, INSERT, UPDATE, DELETE ON verdict_record, output, case_result, awaiting_output, storage_cursor TO cloche_storage;
GRANT SELECT, INSERT ON poison_event TO cloche_storage;

GRANT SELECT ON api_key TO cloche_queue;
