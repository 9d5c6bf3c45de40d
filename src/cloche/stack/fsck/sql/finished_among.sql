-- finished_among: which of these evaluations there are, and whether each was finished more than a minute ago.
SELECT id, status = 'finished' AND stored_at < now() - interval '1 minute' AS finished FROM evaluation
WHERE id = ANY ($1::uuid[])
