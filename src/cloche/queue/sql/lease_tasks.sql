-- lease_tasks: lease_turn.sql and lease.sql in one transaction and one round trip; with the arguments of lease.sql, its rows.
SELECT * FROM queue.lease_tasks($1, $2, $3, $4, $5, $6)
