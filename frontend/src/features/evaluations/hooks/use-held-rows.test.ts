import { expect, test } from "vitest";
import type { EvaluationSummary } from "@/shared/api/types";
import { arrange } from "./use-held-rows";

const rows = (...ids: string[]) => ids.map((id) => ({ id }) as EvaluationSummary);

test("new rows wait while the old ones are held", () => {
  expect(arrange(rows("d", "c", "b", "a"), ["b", "a"])).toEqual({
    rows: rows("b", "a"),
    waiting: 2,
  });
});

test("nothing is held when every held row is gone", () => {
  expect(arrange(rows("z"), ["b", "a"])).toEqual({ rows: rows("z"), waiting: 0 });
});
