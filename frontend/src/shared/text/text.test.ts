import { describe, expect, test } from "vitest";
import type { Evidence } from "../api/types";
import { formatBytes, formatExactBytes } from "./bytes";
import { formatAge, formatDuration } from "./duration";
import { explainEvidence } from "./evidence";
import { quoteArg, splitArgs } from "./split-args";

test.each([
  [0, "0 ms"],
  [0.416, "0.42 ms"],
  [12.34, "12.3 ms"],
  [842, "842 ms"],
  [2410, "2.41 s"],
  [64_000, "1 m 04 s"],
  [3_900_000, "1 h 05 m"],
])("%d ms reads %s", (ms, words) => {
  expect(formatDuration(ms)).toBe(words);
});

test.each([
  [0, "now"],
  [59_000, "59 s ago"],
  [-3_000, "now"],
  [90_000_000, "1 d ago"],
])("%d ms ago reads %s", (ms, words) => {
  expect(formatAge(ms)).toBe(words);
});

test.each([
  [3, "3 B"],
  [1024, "1 KiB"],
  [9_437_184, "9 MiB"],
  [268_435_456, "256 MiB"],
  [1_600_000, "1.5 MiB"],
])("%d bytes read %s", (bytes, words) => {
  expect(formatBytes(bytes)).toBe(words);
});

test("exact bytes show every digit", () => {
  expect(formatExactBytes(268_435_456)).toBe("268\u202f435\u202f456 bytes");
});

describe("arguments", () => {
  test("quotes and backslashes keep words together", () => {
    expect(splitArgs(String.raw`a "b c" 'd "e' f\ g "" x"y"z`)).toEqual([
      "a",
      "b c",
      'd "e',
      "f g",
      "",
      "xyz",
    ]);
  });

  test("an open quote is refused", () => {
    expect(() => splitArgs('a "b')).toThrow("open quote");
  });

  test("whatever is quoted is read back", () => {
    const args = ["", "a b", 'q"q', "s's", String.raw`b\n`, "--x=1", "\n"];
    expect(splitArgs(args.map(quoteArg).join(" "))).toEqual(args);
  });
});

const NOTHING = { limit: null, limit_value: null, measured: null, killed_by: null, oom_kills: 0 };

test("a limit's evidence names value, measure, kills and actor", () => {
  const evidence: Evidence = {
    source: "limit",
    limit: "memory_bytes",
    limit_value: 268_435_456,
    measured: 268_000_000,
    killed_by: "kernel",
    oom_kills: 2,
    detail: null,
  };
  expect(explainEvidence({ evidence, exit_code: null, signal: 9 })).toBe(
    "Measured memory 256 MiB, limit 256 MiB. 2 out-of-memory kills. Stopped by the kernel.",
  );
});

test("a signal's evidence says who sent it and when", () => {
  const evidence: Evidence = {
    ...NOTHING,
    source: "signal",
    killed_by: "kernel",
    killed_after_ms: 12.34,
  };
  expect(explainEvidence({ evidence, exit_code: null, signal: 11 })).toBe(
    "Ended by SIGSEGV (invalid memory access). Stopped by the kernel after 12.3 ms.",
  );
});

test("a run that took down its cell is not called a fault of the platform", () => {
  const evidence: Evidence = { ...NOTHING, source: "platform", detail: "cell_lost" };
  const words = explainEvidence({ evidence, exit_code: null, signal: null });
  expect(words).toBe("It counts as the program's own doing (cell_lost).");
});
