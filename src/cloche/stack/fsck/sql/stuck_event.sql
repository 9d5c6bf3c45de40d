-- stuck_event: evaluations from $1 on of which the queue has not told the bus for a minute.
SELECT o.evaluation_id AS id, o.type AS detail FROM queue.outbox o
WHERE o.evaluation_id >= $1 AND o.created_at < now() - interval '1 minute'
