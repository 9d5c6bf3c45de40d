-- results: up to $3 results after the cursor ($1 transaction, $2 id), of transactions older than every open one:
-- what commits later has a later place, so the cursor never passes a result it has not shown. It ends with the record
-- that brings it to $4 bytes. Their lengths are known without reading them.
-- A cursor whose transaction is still to come is of another cluster, whose copy this is: it starts from the beginning.
SELECT evaluation_id, tenant, record, tx::text AS tx, age_s FROM (
    SELECT evaluation_id, tenant, record, tx, extract(epoch FROM now() - finished_at)::double precision AS age_s,
           sum(octet_length(record)) OVER (ORDER BY result.tx, uuid_send(evaluation_id)
                                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM queue.result
    WHERE (tx, uuid_send(evaluation_id)) > (
              CASE WHEN $1::text::xid8 < pg_snapshot_xmax(pg_current_snapshot()) THEN $1::text::xid8 ELSE '0' END, uuid_send($2::uuid))
      AND tx < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY result.tx, uuid_send(evaluation_id) LIMIT $3) page
WHERE coalesce(before, 0) < $4
ORDER BY page.tx, uuid_send(evaluation_id)
