-- results: up to $3 results after the cursor ($1 transaction, $2 id), of transactions older than every open one:
-- what commits later has a later place, so the cursor never passes a result it has not shown.
SELECT evaluation_id, tenant, record, tx::text AS tx FROM queue.result
WHERE (tx, uuid_send(evaluation_id)) > ($1::text::xid8, uuid_send($2::uuid)) AND tx < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY result.tx, uuid_send(evaluation_id) LIMIT $3
