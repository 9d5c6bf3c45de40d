-- tenants_configure: the tenants of the settings ($1 names, '' for all others, $2 weights, $3 and $4 their limits),
-- and no others.
WITH named AS (
    SELECT * FROM unnest($1::text[], $2::double precision[], $3::integer[], $4::integer[])
        AS t (tenant, weight, max_queued, max_running)
), forgotten AS (
    DELETE FROM queue.tenant t WHERE t.tenant NOT IN (SELECT n.tenant FROM named n)
)
INSERT INTO queue.tenant SELECT tenant, weight, max_queued, max_running FROM named ORDER BY tenant
ON CONFLICT (tenant) DO UPDATE
SET weight = excluded.weight, max_queued = excluded.max_queued, max_running = excluded.max_running
WHERE (tenant.weight, tenant.max_queued, tenant.max_running)
      IS DISTINCT FROM (excluded.weight, excluded.max_queued, excluded.max_running)
