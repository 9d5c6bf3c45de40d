-- What a task went through, and dead letters that are dealt with.

-- [{"attempt", "reason", "message", "worker", "leased_at", "ended_at"}, …], the last 20.
ALTER TABLE queue.task ADD COLUMN faults jsonb NOT NULL DEFAULT '[]';
ALTER TABLE queue.result
    ADD COLUMN faults       jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN dismissed_at timestamptz;                -- of a dead letter: nobody needs to look at it any more
DROP INDEX queue.result_dead;
CREATE INDEX result_dead ON queue.result (finished_at, evaluation_id) WHERE outcome = 'dead' AND dismissed_at IS NULL;

GRANT UPDATE (dismissed_at) ON queue.result TO cloche_queue;
