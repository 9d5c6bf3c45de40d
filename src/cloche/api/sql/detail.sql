-- One evaluation of a tenant with its terminal record and its program.
SELECT e.*, v.record, v.missing, s.program
FROM evaluation e
LEFT JOIN verdict_record v ON v.evaluation_id = e.id
LEFT JOIN submission s ON s.evaluation_id = e.id
WHERE e.id = $1 AND e.tenant = $2
