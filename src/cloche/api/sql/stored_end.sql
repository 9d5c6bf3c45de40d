-- The end of a stream's first unbroken run of bytes; 0 when nothing is stored.
SELECT coalesce(max(reached), 0)::bigint
FROM (
    SELECT byte_offset + length(data) AS reached,
           sum(length(data)) OVER (ORDER BY byte_offset) AS summed
    FROM output
    WHERE evaluation_id = $1 AND attempt = $2 AND stream = $3
) AS chunk
WHERE reached = summed
