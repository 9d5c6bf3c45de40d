-- stored: every evaluation with all that tells how it ended: the record of it, the queue's results, its output.
SELECT e.id, e.name, e.status, e.verdict, v.records, r.verdicts, r.faults, o.offsets, o.pieces
FROM evaluation e
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(record), '{}') AS records FROM verdict_record WHERE evaluation_id = e.id) v
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(verdict), '{}') AS verdicts, coalesce(sum(jsonb_array_length(faults)), 0) AS faults
    FROM queue.result WHERE evaluation_id = e.id) r
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(byte_offset ORDER BY byte_offset), '{}') AS offsets,
           coalesce(array_agg(data ORDER BY byte_offset), '{}') AS pieces
    FROM output WHERE evaluation_id = e.id AND attempt = e.attempt AND stream = 1) o
