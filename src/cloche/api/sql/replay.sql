-- A page of an attempt's output in the order it was written, after (time, stream, offset).
SELECT stream, byte_offset, data, epoch, seq, at
FROM output
WHERE evaluation_id = $1 AND attempt = $2 AND (at, stream, byte_offset) > ($3, $4, $5)
ORDER BY at, stream, byte_offset
LIMIT 32
