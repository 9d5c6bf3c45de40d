-- recent: what finished in the last 60 s and how long it had waited, over one tenant ($1) or all (null).
SELECT count(*) AS finished, percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_s) AS p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY wait_s) AS p95
FROM queue.result WHERE finished_at > now() - interval '60 seconds' AND ($1::text IS NULL OR tenant = $1)
