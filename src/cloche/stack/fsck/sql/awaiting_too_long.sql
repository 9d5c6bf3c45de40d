-- awaiting_too_long: records from $1 on that have waited for output two minutes, twice the longest patience there is.
SELECT a.evaluation_id AS id, 'since ' || to_char(a.seen_at, 'YYYY-MM-DD HH24:MI:SS') AS detail FROM awaiting_output a
WHERE a.evaluation_id >= $1 AND a.seen_at < now() - interval '2 minutes'
