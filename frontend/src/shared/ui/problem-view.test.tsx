// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { readApiKey, writeApiKey } from "../api/api-key";
import { problemFrom } from "../api/problem";
import { ProblemView } from "./problem-view";

beforeEach(() => {
  // jsdom has no media queries; Mantine asks for the system's colours.
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
  writeApiKey(null);
});

async function show(status: number, body: object) {
  const error = await problemFrom(new Response(JSON.stringify(body), { status }));
  render(
    <MantineProvider>
      <ProblemView error={error} onRetry={() => undefined} />
    </MantineProvider>,
  );
}

test("a refused field is named with its reason", async () => {
  await show(422, {
    title: "The request is not valid",
    detail: "one field is wrong",
    errors: [{ field: "limits.wall_time_s", message: "may be at most 300", limit: 300 }],
  });
  expect(screen.getByRole("alert").textContent).toContain("limits.wall_time_s may be at most 300");
  expect(screen.queryByRole("button", { name: "Try again" })).toBeNull();
});

test("a missing key is asked for in place and kept", async () => {
  await show(401, { title: "An API key is needed" });
  await userEvent.type(screen.getByLabelText("API key"), " secret ");
  await userEvent.click(screen.getByRole("button", { name: "Use this key" }));
  expect(readApiKey()).toBe("secret");
});

test("an answer that is no problem document still gets words", async () => {
  const error = await problemFrom(
    new Response("<html>", { status: 502, statusText: "Bad Gateway" }),
  );
  expect(error).toMatchObject({ title: "The server answered 502", retryable: true });
});
