-- The storage worker hides a batch that is too old before it removes it piece by piece.
GRANT UPDATE (deleted_at) ON batch TO cloche_storage;
-- Problems and frames that no batch needs any more go after their time.
CREATE INDEX problem_age ON problem (created_at);
CREATE INDEX frame_age ON frame (created_at);
