-- Days of results come and go without holding up who writes, and go also after a restore into another cluster.

-- All that writes results waits behind who waits for a table: not for longer than a moment. The caller tries again later.
ALTER FUNCTION queue.prepare_days(integer) SET lock_timeout = '100ms';

-- Drop the oldest partition if its day ended more than $1 days ago and all in it was read; its name, or null.
-- The default partition, which holds ids of far days, stays. A transaction that is still to come is another cluster's,
-- of which this database is a copy: results that bear one were read there, and how far a reader was there says nothing.
CREATE OR REPLACE FUNCTION queue.drop_day(keep integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '100ms' AS $$
DECLARE
    oldest text;
    unread boolean;
    coming xid8 := pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot());
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('cloche.queue.prepare_days', 0));
    SELECT c.relname INTO oldest FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'queue.result'::pg_catalog.regclass
      AND c.relname ~ '^result_[0-9]{8}$'
      AND pg_catalog.to_date(pg_catalog.substr(c.relname, 8), 'YYYYMMDD')
          < (pg_catalog.now() AT TIME ZONE 'UTC')::date - greatest(keep, 1)
    ORDER BY c.relname LIMIT 1;
    IF oldest IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE pg_catalog.format(
        'SELECT EXISTS (SELECT FROM queue.%I WHERE tx < $1 AND tx >= ('
        '    SELECT CASE WHEN tx < $1 THEN tx ELSE ''0'' END FROM queue.results_reader))', oldest) INTO unread USING coming;
    IF unread THEN
        RETURN NULL;
    END IF;
    EXECUTE pg_catalog.format('DROP TABLE queue.%I', oldest);
    RETURN oldest;
END
$$;
