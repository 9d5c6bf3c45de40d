-- problems: a page of a batch's problems in the order of its upload.
SELECT * FROM batch_problem WHERE batch_id = $1 AND number > $2 ORDER BY number LIMIT $3
