import { expect, test } from "vitest";
import { isFiltered, readFilters } from "./filters";

test("a URL's filters are read, what is unknown is left out", () => {
  expect(
    readFilters({ status: "running", verdict: "nice", runtime: "", label: true, name: 31, x: 1 }),
  ).toEqual({ status: "running", label: "true", name: "31" });
});

test("a page alone is no filter", () => {
  expect(isFiltered({ cursor: "abc" })).toBe(false);
  expect(isFiltered({ name: "abc" })).toBe(true);
});
