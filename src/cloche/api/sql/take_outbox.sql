-- What to tell the Queue Service next; rows that another relay holds are passed over.
SELECT o.id, o.evaluation_id, o.kind, o.body, s.program
FROM api_outbox o
LEFT JOIN submission s ON s.evaluation_id = o.evaluation_id AND o.kind = 'enqueue'
ORDER BY o.id
LIMIT $1
FOR UPDATE OF o SKIP LOCKED
