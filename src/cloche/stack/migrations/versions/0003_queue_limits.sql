-- Limits of lanes and tenants, and tasks that wait for their time.

ALTER TABLE queue.lane
    ADD COLUMN max_running integer CHECK (max_running > 0),              -- null: no limit
    ADD COLUMN rate_per_s  double precision CHECK (rate_per_s > 0),      -- leases a second; null: no limit
    ADD COLUMN rate_from   timestamptz NOT NULL DEFAULT 'epoch';         -- leases not given add up from here

-- What one tenant may take. The row '' is for every tenant that has none of its own.
CREATE TABLE queue.tenant (
    tenant      text PRIMARY KEY,
    weight      double precision NOT NULL DEFAULT 1 CHECK (weight > 0),  -- share of what runs, beside the others'
    max_queued  integer CHECK (max_queued > 0),                          -- null: no limit
    max_running integer CHECK (max_running > 0)
);
INSERT INTO queue.tenant (tenant) VALUES ('');

-- What is not due stays out of the index that leasing reads, else each lease would step over all of it.
ALTER TABLE queue.task ADD COLUMN due boolean NOT NULL DEFAULT true;
UPDATE queue.task SET due = false WHERE lease_id IS NULL AND run_at > now();
DROP INDEX queue.task_waiting;
CREATE INDEX task_waiting ON queue.task (lane, tenant, runtime, isolation, priority DESC, evaluation_id)
    WHERE lease_id IS NULL AND due;
CREATE INDEX task_delayed ON queue.task (run_at) WHERE lease_id IS NULL AND NOT due;

GRANT INSERT, UPDATE (urgency, paused, max_running, rate_per_s, rate_from) ON queue.lane TO cloche_queue;
GRANT SELECT, INSERT, UPDATE, DELETE ON queue.tenant TO cloche_queue;
