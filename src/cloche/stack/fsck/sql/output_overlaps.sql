-- output_overlaps: finished evaluations from $1 on with pieces of one stream that overlap.
SELECT id, format('stream %s at byte %s', min(stream), min(byte_offset)) AS detail
FROM (
    SELECT o.evaluation_id AS id, o.stream, o.byte_offset,
           max(o.byte_offset + length(o.data)) OVER (
               PARTITION BY o.evaluation_id, o.attempt, o.stream ORDER BY o.byte_offset
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
    FROM output o JOIN evaluation e ON e.id = o.evaluation_id
    WHERE o.evaluation_id >= $1 AND e.status = 'finished' AND o.attempt = e.attempt) s
WHERE byte_offset < reached
GROUP BY id
