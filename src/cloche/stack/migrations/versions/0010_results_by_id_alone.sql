-- The order of commits without the id as a column of its own: by such an index a result can be found by its id too, if
-- slowly, and to an empty table PostgreSQL takes one index for as good as another. See PLANNED_ONCE in cloche.kit.postgres.
DROP INDEX queue.result_in_commit_order;
CREATE INDEX result_in_commit_order ON queue.result (tx, uuid_send(evaluation_id));
