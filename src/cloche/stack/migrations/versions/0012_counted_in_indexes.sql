-- What waits is counted without its table, and what retention deletes is found in the outbox without reading it.

-- For the age of the oldest.
DROP INDEX queue.task_waiting;
CREATE INDEX task_waiting ON queue.task (lane, tenant, runtime, isolation, priority DESC, evaluation_id) INCLUDE (run_at)
    WHERE lease_id IS NULL AND due;
DROP INDEX queue.task_delayed_of_tenant;
CREATE INDEX task_delayed_of_tenant ON queue.task (tenant, lane) WHERE lease_id IS NULL AND NOT due;

CREATE INDEX api_outbox_of_evaluation ON api_outbox (evaluation_id);
