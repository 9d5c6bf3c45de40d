-- stored_output: how many bytes each stream of these evaluations ($1, attempts $2) has, and their digest.
SELECT o.evaluation_id AS id, o.stream, sum(length(o.data))::bigint AS bytes,
       encode(sha256(string_agg(o.data, ''::bytea ORDER BY o.byte_offset)), 'hex') AS sha256
FROM unnest($1::uuid[], $2::integer[]) AS n (evaluation_id, attempt) JOIN output o USING (evaluation_id, attempt)
GROUP BY o.evaluation_id, o.stream
