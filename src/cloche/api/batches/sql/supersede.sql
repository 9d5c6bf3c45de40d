-- supersede: these evaluations of batch $1 give up their places; answers which of them did, and how each ended.
UPDATE evaluation SET superseded = true
WHERE id = ANY ($2::uuid[]) AND batch_id = $1 AND NOT superseded AND status = 'finished'
RETURNING id, problem_number, verdict
