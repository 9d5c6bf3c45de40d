import { expect, test } from "vitest";
import type { TierOffer } from "@/shared/api/types";
import { heldWords, tierNote, tierState } from "./tier-state";

const tier = (changes: Partial<TierOffer>): TierOffer => ({
  isolation: "namespace",
  healthy: true,
  held: 18,
  tested_at: "2026-11-23T17:31:04.401377Z",
  ...changes,
});

test.each([
  [tier({}), "holds"],
  [tier({ healthy: false }), "failing"],
  [tier({ healthy: false, held: 0, tested_at: null }), "untested"],
  [tier({ healthy: false, broken: [{ name: "x", message: "out" }] }), "broken"],
  [tier({ broken: [{ name: "x", message: "out" }] }), "broken"],
] as const)("%o stands as %s", (offered, state) => {
  expect(tierState(offered)).toBe(state);
});

test("held programs are counted among those that were tried", () => {
  expect(heldWords(tier({}))).toBe("18 of 18 hostile programs held");
  expect(heldWords(tier({ held: 17, broken: [{ name: "x", message: "out" }] }))).toBe(
    "17 of 18 hostile programs held",
  );
  expect(heldWords(tier({ held: 0 }))).toBe("");
});

test("only what is weaker than the default has a note", () => {
  expect(tierNote(tier({}))).toBeNull();
  expect(tierNote(tier({ isolation: "process" }))).toBe("weaker than a namespace cell");
});
