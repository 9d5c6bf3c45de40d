-- results_read: the storage worker has read all results of transactions before $1.
UPDATE queue.results_reader SET tx = $1::text::xid8 WHERE tx < $1::text::xid8
