-- executors_forget: drop what nobody reported for 24 hours.
DELETE FROM queue.executor_seen WHERE seen_at < now() - interval '24 hours'
