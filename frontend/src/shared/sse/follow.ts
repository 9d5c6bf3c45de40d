import { authorization } from "../api/api-key";
import { ProblemError, problemFrom } from "../api/problem";
import { EventStreamParser, type StreamMessage } from "./parser";

export type StreamState = "connecting" | "live" | "reconnecting" | "ended" | "refused";

export interface FollowOptions {
  url: string;
  signal: AbortSignal;
  /** Returns "done" when nothing more is expected; the connection is then closed. */
  onMessage: (message: StreamMessage) => "more" | "done";
  onState: (state: StreamState) => void;
}

/** Three heartbeats (15 s each) without a byte mean that the connection is dead. */
const SILENCE_MS = 45_000;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Follows an event stream until it is done, refused or aborted, resuming by `Last-Event-ID`.
 *
 * Never rejects. Answers that a repeat cannot cure (401, 404, 422) end it as "refused".
 */
export async function followEvents(options: FollowOptions): Promise<void> {
  let lastId: string | null = null;
  let pauseMs = FIRST_PAUSE_MS;
  options.onState("connecting");
  while (!options.signal.aborted) {
    try {
      const done = await readOnce(options, lastId, (id) => {
        lastId = id ?? lastId;
        pauseMs = FIRST_PAUSE_MS;
      });
      if (done) {
        options.onState("ended");
        return;
      }
    } catch (error) {
      if (error instanceof ProblemError && !error.retryable && error.status < 500) {
        options.onState("refused");
        return;
      }
    }
    if (isAborted(options.signal)) return;
    options.onState("reconnecting");
    await pause(pauseMs * (0.75 + Math.random() / 2), options.signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

async function readOnce(
  options: FollowOptions,
  lastId: string | null,
  onProgress: (id: string | null) => void,
): Promise<boolean> {
  const silence = new AbortController();
  let timer = setTimeout(() => {
    silence.abort();
  }, SILENCE_MS);
  try {
    const response = await fetch(options.url, {
      headers: {
        ...authorization(),
        Accept: "text/event-stream",
        ...(lastId === null ? {} : { "Last-Event-ID": lastId }),
      },
      cache: "no-store",
      signal: AbortSignal.any([options.signal, silence.signal]),
    });
    if (!response.ok || response.body === null) throw await problemFrom(response);
    options.onState("live");
    const parser = new EventStreamParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      clearTimeout(timer);
      timer = setTimeout(() => {
        silence.abort();
      }, SILENCE_MS);
      for (const message of parser.push(value)) {
        onProgress(message.id);
        if (options.onMessage(message) === "done") {
          void reader.cancel();
          return true;
        }
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** A call, because the compiler narrows a property it has seen once. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
