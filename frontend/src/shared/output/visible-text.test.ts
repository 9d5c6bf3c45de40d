import { expect, test } from "vitest";
import { visibleText } from "./visible-text";

test("controls and characters that reorder text become visible", () => {
  expect(visibleText("\u001b[31mred\r")).toBe("␛[31mred␍");
  expect(visibleText("a\u202eb\u200bc")).toBe("a⟨202E⟩b⟨200B⟩c");
});

test("ordinary text and tabs stay as they are", () => {
  expect(visibleText("é\t漢字 👍 <b>")).toBe("é\t漢字 👍 <b>");
});
