-- Old days of results go, once they have been read.

-- How far the storage worker has read results for good: all of a smaller transaction. One row.
CREATE TABLE queue.results_reader (tx xid8 NOT NULL);
INSERT INTO queue.results_reader VALUES ('0');

-- Drop the oldest partition if its day ended more than $1 days ago and all in it was read; its name, or null.
-- The default partition, which holds ids of far days, stays.
CREATE FUNCTION queue.drop_day(keep integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    oldest text;
    unread boolean;
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
        'SELECT EXISTS (SELECT FROM queue.%I WHERE tx >= (SELECT tx FROM queue.results_reader))', oldest) INTO unread;
    IF unread THEN
        RETURN NULL;
    END IF;
    EXECUTE pg_catalog.format('DROP TABLE queue.%I', oldest);
    RETURN oldest;
END
$$;
REVOKE ALL ON FUNCTION queue.drop_day(integer) FROM PUBLIC;

GRANT SELECT, UPDATE (tx) ON queue.results_reader TO cloche_queue;
GRANT EXECUTE ON FUNCTION queue.drop_day(integer) TO cloche_queue;
