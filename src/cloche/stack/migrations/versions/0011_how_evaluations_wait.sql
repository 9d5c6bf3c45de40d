-- How an evaluation waits, so that a rerun waits as the first did.
ALTER TABLE evaluation
    ADD COLUMN lane text NOT NULL DEFAULT 'interactive',
    ADD COLUMN priority integer NOT NULL DEFAULT 0,
    ADD COLUMN queue_timeout_s integer NOT NULL DEFAULT 86400;
GRANT INSERT (lane, priority, queue_timeout_s) ON evaluation TO cloche_api;
