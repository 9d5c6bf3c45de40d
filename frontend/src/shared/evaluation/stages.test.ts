import { expect, test } from "vitest";
import { stagesOf } from "./stages";

test("a stage lasts until the next one that was reached", () => {
  const stages = stagesOf({
    timeline: {
      created_at: "2026-01-01T00:00:00.000Z",
      queued_at: "2026-01-01T00:00:00.010Z",
      leased_at: null,
      started_at: null,
      cell_ready_at: null,
      compiled_at: null,
      finished_at: "2026-01-01T00:00:01.000Z",
      stored_at: null,
    },
  });
  expect(stages.map(({ name, lasted }) => [name, lasted])).toEqual([
    ["created", 10],
    ["queued", 990],
    ["leased", null],
    ["started", null],
    ["finished", null],
    ["stored", null],
  ]);
});
