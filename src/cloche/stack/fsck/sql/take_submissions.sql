-- take_submissions: what the API has to tell the queue of these evaluations, in order; what its relay holds is left to it.
SELECT o.id, o.evaluation_id, o.kind, o.body, s.program
FROM (SELECT * FROM api_outbox WHERE evaluation_id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED) o
JOIN submission s USING (evaluation_id) ORDER BY o.id
