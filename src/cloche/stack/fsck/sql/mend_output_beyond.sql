-- mend_output_beyond: remove output of $1 of later attempts than the one that decided.
DELETE FROM output o USING evaluation e
WHERE o.evaluation_id = ANY ($1::uuid[]) AND e.id = o.evaluation_id AND e.status = 'finished' AND o.attempt > e.attempt
