-- Problems hold what programs must not know: who only removes them need not read them.
REVOKE SELECT ON problem, frame FROM cloche_storage;
GRANT SELECT (tenant, id, created_at) ON problem, frame TO cloche_storage;
