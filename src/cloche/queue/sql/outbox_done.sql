-- outbox_done: these were published.
DELETE FROM queue.outbox WHERE id = ANY ($1::bigint[])
