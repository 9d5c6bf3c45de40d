-- Chunks of one stream that overlap a byte range, in order, a bounded number of them.
SELECT byte_offset, data, epoch, seq, at
FROM output
WHERE evaluation_id = $1 AND attempt = $2 AND stream = $3
  AND byte_offset < $5 AND byte_offset + length(data) > $4
ORDER BY byte_offset
LIMIT $6
