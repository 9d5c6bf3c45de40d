-- expire: refuse uploads of which nothing came for $1 seconds.
UPDATE batch SET refused = 'The upload broke off.', cancelled_at = coalesce(cancelled_at, now()), received_at = now(),
                 idempotency_key = NULL
WHERE id = ANY (ARRAY (SELECT id FROM batch WHERE finished_at IS NULL AND received_at IS NULL AND cancelled_at IS NULL
                       AND line_at < now() - make_interval(secs => $1) FOR UPDATE SKIP LOCKED))
RETURNING id
