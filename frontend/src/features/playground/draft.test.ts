import { expect, test } from "vitest";
import type { RuntimeOffer, SubmittedProgram } from "@/shared/api/types";
import { type Draft, draftOf, EMPTY_DRAFT, offerFor, requestOf } from "./draft";
import { withLimit } from "./limits";

const offer = (name: string, version: string, aliases: string[] = []): RuntimeOffer => ({
  name,
  version,
  aliases,
  compiled: false,
  source_file: "main",
  highlight: name,
  tool: "",
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
    network: "none",
  });
});

test("a submission names an isolation only where one was chosen", () => {
  const draft: Draft = { ...EMPTY_DRAFT, source: "x", isolation: "process", network: "loopback" };
  expect(requestOf(draft, offer("bash", "5"))).toMatchObject({
    isolation: "process",
    network: "loopback",
  });
});

test("a stored program is opened with the isolation and the network it demanded", () => {
  const limits = { wall_time_s: 10, cpu_time_s: 10, memory_bytes: 2 ** 28, processes: 64 };
  const all = { ...limits, output_bytes: 2 ** 20, disk_bytes: 1, inodes: 1, file_bytes: 1 };
  const whole = { ...all, open_files: 1, stack_bytes: 1 };
  const program: SubmittedProgram = {
    runtime: "python",
    files: [{ path: "main.py", content: "x", encoding: "utf-8" }],
    entrypoint: "main.py",
    stdin: "",
    args: [],
    env: {},
    limits: whole,
    compile_limits: whole,
    isolation: "container",
    network: "loopback",
    cases: [],
    stop_on_failure: false,
  };
  expect(draftOf(program)).toMatchObject({ isolation: "container", network: "loopback" });
});
