-- add_lines: batch $1 holds the upload's lines up to $3 (digest $4), $5 more evaluations and $7 more bad lines; nothing
-- if it held other lines than up to $2, or takes no more.
UPDATE batch
SET lines = $3, digest = $4, total = total + $5, bad_line_count = bad_line_count + $7, line_at = now(),
    bad_lines = CASE WHEN jsonb_array_length(bad_lines) < $8 THEN bad_lines || $6::text::jsonb ELSE bad_lines END,
    received_at = CASE WHEN $9::boolean THEN now() END
WHERE id = $1 AND lines = $2 AND received_at IS NULL AND cancelled_at IS NULL AND refused = ''
RETURNING id
