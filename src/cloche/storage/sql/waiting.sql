-- waiting: records that were put aside, the first that came first: up to $1, ending with the one that brings them to $2 bytes.
SELECT evaluation_id, record, extract(epoch FROM now() - seen_at)::double precision AS age_s FROM (
    SELECT evaluation_id, record, seen_at, sum(octet_length(record)) OVER (
        ORDER BY seen_at, evaluation_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM (SELECT * FROM awaiting_output ORDER BY seen_at, evaluation_id LIMIT $1) a
) w
WHERE coalesce(before, 0) < $2
ORDER BY seen_at, evaluation_id
