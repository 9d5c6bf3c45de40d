import { expect, test } from "vitest";
import { nextProgress } from "./next-progress";
import { NO_PROGRESS } from "./progress";
import type { WatchedEvent } from "./watched-event";

function after(...events: WatchedEvent[]) {
  return events.reduce(
    (progress, event) => nextProgress(progress, { event, attempt: 1 }),
    NO_PROGRESS,
  );
}

const queued: WatchedEvent = { name: "evaluation.queued", data: { queued_at: "t0" } };
const started: WatchedEvent = {
  name: "evaluation.started",
  data: { executor: "e1", engine: "local", isolation: "namespace", started_at: "t1" },
};

test("a started run is running, with its engine and isolation", () => {
  expect(after(queued, started)).toMatchObject({
    status: "running",
    queuedAt: "t0",
    startedAt: "t1",
    engine: "local",
    isolation: "namespace",
  });
});

test("a retry voids the attempt but not the time in the queue", () => {
  const retried: WatchedEvent = {
    name: "evaluation.retried",
    data: { reason: "cell_lost", next_attempt: 2 },
  };
  expect(after(queued, started, retried)).toMatchObject({
    status: "queued",
    attempt: 2,
    queuedAt: "t0",
    startedAt: null,
    retryReason: "cell_lost",
  });
});
