-- outbox_read: the oldest $1 events to publish, with the record where it is the body, up to the one that brings them
-- to $2 bytes of records.
SELECT id, evaluation_id, attempt, type, body, tenant, record, age FROM (
    SELECT o.id, o.evaluation_id, o.attempt, o.type, o.body, r.tenant, r.record, now() - o.created_at AS age,
           sum(octet_length(r.record)) OVER (ORDER BY o.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM (SELECT * FROM queue.outbox ORDER BY id LIMIT $1) o
    LEFT JOIN LATERAL (
        SELECT tenant, record FROM queue.result WHERE o.body IS NULL AND evaluation_id = o.evaluation_id OFFSET 0) r ON true
) e
WHERE coalesce(before, 0) < $2
ORDER BY id
