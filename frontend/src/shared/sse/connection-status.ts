import { useSyncExternalStore } from "react";
import type { StreamState } from "./follow";

export type ConnectionStatus = "idle" | "live" | "reconnecting";

const streams = new Map<symbol, StreamState>();
const listeners = new Set<() => void>();

/** Records what a stream does; null forgets it. */
export function reportStream(stream: symbol, state: StreamState | null): void {
  if (state === null) streams.delete(stream);
  else streams.set(stream, state);
  for (const listener of listeners) listener();
}

/** The worst of all open streams. */
export function connectionStatus(): ConnectionStatus {
  const states = [...streams.values()];
  if (states.includes("reconnecting")) return "reconnecting";
  return states.includes("live") ? "live" : "idle";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnectionStatus(): ConnectionStatus {
  return useSyncExternalStore(subscribe, connectionStatus);
}
