-- How many bytes of each stream are stored for one attempt.
SELECT stream, sum(length(data))::bigint AS bytes
FROM output
WHERE evaluation_id = $1 AND attempt = $2
GROUP BY stream
