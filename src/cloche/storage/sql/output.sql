-- Add output chunks of evaluations that are not finished; a repeat changes nothing. The lock: whoever settles the
-- evaluation meanwhile (settling.sql) looks for output before this or behind it, never in the middle.
INSERT INTO output (evaluation_id, attempt, stream, byte_offset, data, seq, at, epoch)
SELECT n.evaluation_id, n.attempt, n.stream, n.byte_offset, n.data, n.seq, n.at, $8
FROM unnest($1::uuid[], $2::int[], $3::smallint[], $4::bigint[], $5::bytea[], $6::int[], $7::timestamptz[])
  AS n (evaluation_id, attempt, stream, byte_offset, data, seq, at)
JOIN evaluation e ON e.id = n.evaluation_id AND e.status <> 'finished' AND e.attempt <= n.attempt
FOR KEY SHARE OF e
ON CONFLICT DO NOTHING
