-- lease_turn: wait until no other replica leases, so that the next statement, which sees all they did, counts what
-- runs exactly; then let up to 1,000 delayed tasks wait in line whose time has come.
SELECT pg_advisory_xact_lock(hashtextextended('cloche.queue.lease', 0));
UPDATE queue.task SET due = true WHERE evaluation_id = ANY (ARRAY (
    SELECT evaluation_id FROM queue.task WHERE lease_id IS NULL AND NOT due AND run_at <= now()
    ORDER BY run_at LIMIT 1000 FOR UPDATE SKIP LOCKED))
