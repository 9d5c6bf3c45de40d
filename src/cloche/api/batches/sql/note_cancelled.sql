-- note_cancelled: these are to be cancelled.
UPDATE evaluation SET cancel_requested = true WHERE id = ANY ($1::uuid[]) AND NOT cancel_requested
