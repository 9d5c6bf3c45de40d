-- stuck_submission: evaluations from $1 on, older than a minute, of which the API has not told the queue yet.
SELECT o.evaluation_id AS id, o.kind AS detail FROM api_outbox o JOIN evaluation e ON e.id = o.evaluation_id
WHERE o.evaluation_id >= $1 AND e.created_at < now() - interval '1 minute'
