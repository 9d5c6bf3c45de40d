-- mend_attempt_ahead: queue tasks of $1 for the attempt after the one the record has; whoever holds a lease loses it.
UPDATE queue.task t
SET lease_id = NULL, lease_until = NULL, worker = NULL, leased_at = NULL, attempt = e.attempt + 1, run_at = now(), due = true
FROM evaluation e
WHERE t.evaluation_id = ANY ($1::uuid[]) AND e.id = t.evaluation_id AND e.status <> 'finished' AND e.attempt > t.attempt
