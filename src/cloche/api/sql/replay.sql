-- A page of an attempt's output in the order it was written, after (told, stream, offset). "told" is the
-- latest time so far in the stream, so that a clock that steps back can't turn a stream's chunks around.
SELECT stream, byte_offset, data, epoch, seq, at, told
FROM (
    SELECT o.*, max(o.at) OVER (PARTITION BY o.stream ORDER BY o.byte_offset) AS told
    FROM output o
    WHERE o.evaluation_id = $1 AND o.attempt = $2
) AS chunk
WHERE (told, stream, byte_offset) > ($3, $4, $5)
ORDER BY told, stream, byte_offset
LIMIT 32
