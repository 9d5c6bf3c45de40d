-- result_view: how a tenant's task ended.
SELECT lane, attempts FROM queue.result WHERE evaluation_id = $1 AND tenant = $2
