-- Every filter of the list by an index of its own, so that a page costs the same however much is stored.

CREATE INDEX evaluation_by_status ON evaluation (tenant, status, id DESC);
DROP INDEX evaluation_unfinished;
CREATE INDEX evaluation_by_runtime ON evaluation (tenant, split_part(runtime, '@', 1), id DESC);

-- Parts of names. The extension comes with PostgreSQL and may be installed by a database's owner; a server
-- without it reads more for a search by name and answers the same.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE INDEX evaluation_by_name ON evaluation USING gin (lower(name) gin_trgm_ops) WHERE name <> '';
    END IF;
END
$$;
-- How often a part of a name occurs decides whether that index is worth reading.
CREATE STATISTICS evaluation_lower_name ON (lower(name)) FROM evaluation;
