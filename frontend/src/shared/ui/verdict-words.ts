import type { Status, Verdict } from "../api/types";

export type State = Verdict | Exclude<Status, "finished">;
export type Tone = "good" | "bad" | "warn" | "fault" | "quiet" | "accent";

interface StateWords {
  word: string;
  tone: Tone;
  meaning: string;
}

/** How each state is called, coloured and explained, everywhere. */
export const STATE_WORDS: Readonly<Record<State, StateWords>> = {
  queued: { word: "Queued", tone: "quiet", meaning: "Waiting for a free slot." },
  running: { word: "Running", tone: "accent", meaning: "The program runs now." },
  accepted: {
    word: "Accepted",
    tone: "good",
    meaning: "It ended with status 0 and passed every case it was given.",
  },
  wrong_answer: {
    word: "Wrong answer",
    tone: "bad",
    meaning: "It ran, but a case's output is not what was expected.",
  },
  runtime_error: {
    word: "Runtime error",
    tone: "bad",
    meaning: "It ended with another status than 0, or by a signal.",
  },
  compile_error: {
    word: "Compile error",
    tone: "bad",
    meaning: "It did not compile, so it never ran.",
  },
  time_limit_exceeded: {
    word: "Time limit exceeded",
    tone: "warn",
    meaning: "It used more wall or CPU time than it was allowed.",
  },
  memory_limit_exceeded: {
    word: "Memory limit exceeded",
    tone: "warn",
    meaning: "It used more memory than it was allowed.",
  },
  output_limit_exceeded: {
    word: "Output limit exceeded",
    tone: "warn",
    meaning: "It wrote more than it was allowed.",
  },
  cancelled: {
    word: "Cancelled",
    tone: "quiet",
    meaning: "Somebody cancelled it before it ended.",
  },
  internal_error: {
    word: "Internal error",
    tone: "fault",
    meaning: "The platform failed; this says nothing about the program.",
  },
};

export function stateOf(run: { status: Status; verdict: Verdict | null }): State {
  return run.status === "finished" ? (run.verdict ?? "internal_error") : run.status;
}
