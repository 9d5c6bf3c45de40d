-- executors_touch: the worker is alive, so what it reported last still holds.
UPDATE queue.executor_seen SET seen_at = now() WHERE worker = $1
