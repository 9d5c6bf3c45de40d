-- Which byte ranges of these evaluations' streams are stored for the given attempt.
SELECT o.evaluation_id, o.stream, o.byte_offset AS range_start, o.byte_offset + length(o.data) AS range_end
FROM unnest($1::uuid[], $2::int[]) AS n (evaluation_id, attempt)
JOIN output o USING (evaluation_id, attempt)
