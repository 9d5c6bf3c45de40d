-- lanes_configure: the lanes of the settings ($1 names, $2 urgencies, $3 and $4 their limits); a lane that is not
-- named any more stays, as tasks may still wait in it.
INSERT INTO queue.lane (lane, urgency, max_running, rate_per_s)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::integer[], $4::double precision[])
    AS l (lane, urgency, max_running, rate_per_s) ORDER BY lane
ON CONFLICT (lane) DO UPDATE
SET urgency = excluded.urgency, max_running = excluded.max_running, rate_per_s = excluded.rate_per_s
WHERE (lane.urgency, lane.max_running, lane.rate_per_s)
      IS DISTINCT FROM (excluded.urgency, excluded.max_running, excluded.rate_per_s)
