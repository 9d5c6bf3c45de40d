import { expect, test } from "vitest";
import type { RuntimeOffer } from "@/shared/api/types";
import { EMPTY_DRAFT, offerFor, requestOf } from "./draft";
import { withLimit } from "./limits";

const offer = (name: string, version: string, aliases: string[] = []): RuntimeOffer => ({
  name,
  version,
  aliases,
  compiled: false,
  source_file: "main",
  highlight: name,
});
const offers = [
  offer("python", "3.12.1"),
  offer("python", "3.11.7"),
  offer("javascript", "20", ["node"]),
];

test.each([
  ["python@3.11.7", "3.11.7"],
  ["python@2.7", "3.12.1"],
  ["node", "20"],
  ["cobol", "3.12.1"],
])("%s means version %s", (runtime, version) => {
  expect(offerFor(runtime, offers)?.version).toBe(version);
});

test("a submission names the exact runtime and only the limits that were changed", () => {
  const limits = withLimit(withLimit(EMPTY_DRAFT.limits, "wall_time_s", 2), "processes");
  const draft = { ...EMPTY_DRAFT, source: "x", args: "a 'b c'", limits };
  expect(requestOf(draft, offer("python", "3.11.7"))).toEqual({
    runtime: "python@3.11.7",
    source: "x",
    stdin: "",
    args: ["a", "b c"],
    limits: { wall_time_s: 2 },
  });
});
