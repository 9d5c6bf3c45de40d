-- Events that were set aside go with the evaluations of their time.

CREATE INDEX poison_event_age ON poison_event (created_at);
GRANT DELETE ON poison_event TO cloche_storage;
