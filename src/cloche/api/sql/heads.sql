-- The chunks that make up the first bytes of both streams of one attempt.
SELECT stream, byte_offset, data
FROM output
WHERE evaluation_id = $1 AND attempt = $2 AND byte_offset < $3
ORDER BY stream, byte_offset
