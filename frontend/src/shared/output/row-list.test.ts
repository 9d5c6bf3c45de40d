import { describe, expect, test } from "vitest";
import { RowList } from "./row-list";

function rowsOf(...pieces: ["stdout" | "stderr", string][]): string[] {
  const list = new RowList();
  for (const [kind, text] of pieces) list.append(kind, text);
  return list.rows.map(({ kind, text }) => `${kind} ${text}`);
}

describe("RowList", () => {
  test("continues an open line and ends it at its newline", () => {
    expect(rowsOf(["stdout", "ab"], ["stdout", "c\nd"])).toEqual(["stdout abc", "stdout d"]);
  });

  test("keeps empty lines", () => {
    expect(rowsOf(["stdout", "a\n\n"], ["stdout", "b\n"])).toEqual([
      "stdout a",
      "stdout ",
      "stdout b",
    ]);
  });

  test("starts a row of its own for the other stream", () => {
    expect(rowsOf(["stdout", "a"], ["stderr", "!\n"], ["stdout", "b"])).toEqual([
      "stdout a",
      "stderr !",
      "stdout b",
    ]);
  });

  test("cuts an endless line into rows without losing a character", () => {
    const list = new RowList();
    for (let piece = 0; piece < 10; piece += 1) list.append("stdout", "x".repeat(999));
    expect(list.rows.map(({ text }) => text.length)).toEqual([2000, 2000, 2000, 2000, 1990]);
  });

  test("lets the oldest rows go and counts them", () => {
    const list = new RowList();
    list.append("stdout", "x\n".repeat(200_001));
    expect(list.dropped + list.rows.length).toBe(200_001);
    expect(list.rows.length).toBeLessThanOrEqual(200_000);
  });
});
