-- refuse: the upload of batch $1 ends here, because of $2. What is stored of it is cancelled; its key is free again.
UPDATE batch SET refused = $2, cancelled_at = coalesce(cancelled_at, now()), received_at = now(), idempotency_key = NULL
WHERE id = $1 AND received_at IS NULL AND refused = ''
RETURNING id
