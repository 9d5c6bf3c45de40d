-- Before these are settled: wait for output of theirs that is being written, and let no more of it in.
SELECT FROM evaluation WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
