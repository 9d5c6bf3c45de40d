import { describe, expect, test } from "vitest";
import { EventStreamParser } from "./parser";

const STREAM =
  ": hello\n\nid: a.1.1\nevent: output\ndata: one\ndata: two\n\n: beat\r\n\r\ndata:three\r\n\r\n";

describe("EventStreamParser", () => {
  test("gives the same messages however the text is cut", () => {
    const whole = new EventStreamParser().push(STREAM);
    expect(whole).toEqual([
      { id: "a.1.1", event: "output", data: "one\ntwo" },
      { id: "a.1.1", event: "message", data: "three" },
    ]);
    for (let size = 1; size <= STREAM.length; size += 1) {
      const parser = new EventStreamParser();
      const pieces = STREAM.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];
      expect(pieces.flatMap((piece) => parser.push(piece))).toEqual(whole);
    }
  });

  test("holds back a message until its empty line", () => {
    const parser = new EventStreamParser();
    expect(parser.push("data: x\n")).toEqual([]);
    expect(parser.push("\n")).toHaveLength(1);
  });
});
