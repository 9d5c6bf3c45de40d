-- outbox_read: the oldest $1 events to publish, with the record where it is the body.
SELECT o.id, o.evaluation_id, o.attempt, o.type, o.body, r.tenant, r.record, now() - o.created_at AS age
FROM (SELECT * FROM queue.outbox ORDER BY id LIMIT $1) o
LEFT JOIN LATERAL (
    SELECT tenant, record FROM queue.result WHERE o.body IS NULL AND evaluation_id = o.evaluation_id OFFSET 0) r ON true
ORDER BY o.id
