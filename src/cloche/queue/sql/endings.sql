-- endings: how these tasks ended, for those that did.
SELECT evaluation_id, lease_id, verdict, outcome FROM queue.result WHERE evaluation_id = ANY ($1::uuid[])
