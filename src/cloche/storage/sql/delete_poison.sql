-- delete_poison: forget the events that were set aside before $1.
DELETE FROM poison_event WHERE created_at < $1
