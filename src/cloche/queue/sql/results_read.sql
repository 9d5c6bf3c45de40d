-- results_read: the storage worker has read all results of transactions before $1; one that is still to come is another
-- cluster's (see results), and nothing is known to be read.
UPDATE queue.results_reader SET tx = now_read.tx
FROM (SELECT CASE WHEN $1::text::xid8 < coming THEN $1::text::xid8 ELSE '0' END AS tx, coming
      FROM pg_snapshot_xmax(pg_current_snapshot()) AS coming) now_read
WHERE results_reader.tx < now_read.tx OR results_reader.tx >= now_read.coming
