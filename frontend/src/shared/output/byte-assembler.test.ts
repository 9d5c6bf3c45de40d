import { describe, expect, test } from "vitest";
import { ByteAssembler } from "./byte-assembler";

function base64(bytes: number[]): string {
  return btoa(String.fromCharCode(...bytes));
}

describe("ByteAssembler", () => {
  test("drops what it already has, also in the middle of a piece", () => {
    const stream = new ByteAssembler();
    stream.add({ offset: 0, bytes: 4, text: "éab" });
    expect(stream.add({ offset: 0, bytes: 4, text: "éab" })).toEqual({ missing: 0, text: "" });
    expect(stream.add({ offset: 2, bytes: 4, text: "abcd" })).toEqual({ missing: 0, text: "cd" });
    expect(stream.received).toBe(6);
  });

  test("tells how many bytes a hole has", () => {
    const stream = new ByteAssembler();
    stream.add({ offset: 0, bytes: 1, text: "a" });
    expect(stream.add({ offset: 11, bytes: 1, text: "b" })).toEqual({ missing: 10, text: "b" });
  });

  test("puts a character together that two pieces share", () => {
    const stream = new ByteAssembler();
    const first = stream.add({ offset: 0, bytes: 2, base64: base64([0x61, 0xc3]) });
    const second = stream.add({ offset: 2, bytes: 2, base64: base64([0xa9, 0x62]) });
    expect(first.text + second.text).toBe("aéb");
  });

  test("shows bytes that are no text as replacement characters", () => {
    const stream = new ByteAssembler();
    const broken = stream.add({ offset: 0, bytes: 1, base64: base64([0xff]) });
    const after = stream.add({ offset: 1, bytes: 2, text: "ok" });
    expect(broken.text + after.text).toBe("\ufffdok");
  });
});
