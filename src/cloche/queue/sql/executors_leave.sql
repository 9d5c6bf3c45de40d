-- executors_leave: the worker is gone and offers nothing; its executors count as seen until they are forgotten.
UPDATE queue.executor_seen SET seen_at = least(seen_at, now() - $2::interval) WHERE worker = $1
