-- programs: what is known of these evaluations to queue them.
SELECT e.id, e.tenant, e.runtime, e.cancel_requested, s.program
FROM evaluation e JOIN submission s ON s.evaluation_id = e.id WHERE e.id = ANY ($1::uuid[])
