-- lane_pause: pause or resume a lane; no row when there is no such lane.
UPDATE queue.lane SET paused = $2 WHERE lane = $1 RETURNING lane
