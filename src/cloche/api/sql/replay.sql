-- A page of one stream of an attempt, after an offset.
SELECT stream, byte_offset, data, epoch, seq, at FROM output
WHERE evaluation_id = $1 AND attempt = $2 AND stream = $3 AND byte_offset > $4
ORDER BY byte_offset LIMIT 32
