-- Counting a tenant's delayed tasks without reading them.

CREATE INDEX task_delayed_of_tenant ON queue.task (tenant) WHERE lease_id IS NULL AND NOT due;
