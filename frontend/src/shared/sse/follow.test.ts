import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { followEvents, type StreamState } from "./follow";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Answers each fetch in turn; the network is the one thing that is stood in for. */
function network(...answers: (() => Response)[]) {
  const sent: Headers[] = [];
  vi.stubGlobal("fetch", (_url: string, init: RequestInit) => {
    sent.push(new Headers(init.headers));
    const answer = answers[Math.min(sent.length, answers.length) - 1];
    return answer === undefined ? Promise.reject(new TypeError()) : Promise.resolve(answer());
  });
  return sent;
}

function follow(until: string) {
  const states: StreamState[] = [];
  const seen: string[] = [];
  const abort = new AbortController();
  const done = followEvents({
    url: "/events",
    signal: abort.signal,
    onState: (state) => states.push(state),
    onMessage: ({ data }) => {
      seen.push(data);
      return data === until ? "done" : "more";
    },
  });
  return { states, seen, abort, done };
}

test("a broken stream resumes behind its last event", async () => {
  const sent = network(
    () => new Response("id: e.1.7\ndata: a\n\n"),
    () => new Response("id: e.1.8\ndata: b\n\n"),
  );
  const { states, seen, done } = follow("b");
  await vi.runAllTimersAsync();
  await done;
  expect(seen).toEqual(["a", "b"]);
  expect(sent.map((headers) => headers.get("Last-Event-ID"))).toEqual([null, "e.1.7"]);
  expect(states).toEqual(["connecting", "live", "reconnecting", "live", "ended"]);
});

test("a refusal that a repeat cannot cure ends it", async () => {
  const sent = network(() => new Response("{}", { status: 404 }));
  const { states, done } = follow("never");
  await done;
  expect(sent).toHaveLength(1);
  expect(states.at(-1)).toBe("refused");
});

test("a server that is away is asked again", async () => {
  const sent = network(
    () => new Response("{}", { status: 503 }),
    () => new Response("data: b\n\n"),
  );
  const { done } = follow("b");
  await vi.runAllTimersAsync();
  await done;
  expect(sent).toHaveLength(2);
});

test("a connection without heartbeats is given up and made anew", async () => {
  const sent = network(
    () => new Response(new ReadableStream<Uint8Array>()),
    () => new Response("data: b\n\n"),
  );
  vi.stubGlobal("fetch", withAbort(globalThis.fetch));
  const { done } = follow("b");
  await vi.runAllTimersAsync();
  await done;
  expect(sent).toHaveLength(2);
});

/** Breaks the body when the request is aborted, as a browser does. */
function withAbort(inner: typeof fetch): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init);
    if (response.body === null) return response;
    const through = new TransformStream<Uint8Array, Uint8Array>();
    const signal = init?.signal ?? new AbortController().signal;
    void response.body.pipeTo(through.writable, { signal }).catch(() => null);
    return new Response(through.readable);
  };
}
