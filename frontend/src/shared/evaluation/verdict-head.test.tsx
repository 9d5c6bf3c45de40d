// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { Evaluation } from "../api/types";
import { VerdictHead } from "./verdict-head";

const NO_OUTPUT = {
  text: "",
  base64: null,
  bytes: 0,
  kept: 0,
  shown: 0,
  truncated: false,
  missing: [],
};
const RUN: Evaluation = {
  id: "01a20977-ae1c-7e66-94e1-d6343c147653",
  status: "finished",
  verdict: "accepted",
  message: "Exited with status 0.",
  name: "",
  labels: {},
  runtime: "python@3.11.7",
  engine: "local",
  isolation: "process",
  isolation_features: ["seccomp", "memory:sampled"],
  isolation_note: "process: weaker than a namespace cell",
  attempts: 1,
  wall_time_ms: 12.3,
  cpu_time_ms: 10.1,
  peak_memory_bytes: 4_000_000,
  memory_source: "sampled",
  cancel_requested: false,
  rerun_of: null,
  evidence: null,
  exit_code: 0,
  signal: null,
  stdout: NO_OUTPUT,
  stderr: NO_OUTPUT,
  compile: null,
  cases: [],
  program: null,
  timeline: {
    created_at: "2026-11-23T17:32:48.029244Z",
    queued_at: null,
    leased_at: null,
    started_at: null,
    cell_ready_at: null,
    compiled_at: null,
    finished_at: null,
    stored_at: null,
  },
};

afterEach(cleanup);

function show(run: Evaluation) {
  render(<VerdictHead run={run} />, {
    wrapper: ({ children }) => (
      <QueryClientProvider client={new QueryClient()}>{children}</QueryClientProvider>
    ),
  });
}

test("a run under less isolation than the default is told so beside its verdict", () => {
  show(RUN);
  screen.getByText("It ran under isolation process: weaker than a namespace cell.");
});

test("nothing is told of a run under the default", () => {
  show({ ...RUN, isolation: "namespace", isolation_note: null });
  expect(screen.queryByText(/weaker than/)).toBeNull();
});
