-- The cases of one attempt in their order.
SELECT case_index, body, epoch, seq
FROM case_result
WHERE evaluation_id = $1 AND attempt = $2
ORDER BY case_index
