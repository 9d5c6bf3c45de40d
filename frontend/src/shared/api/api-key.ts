import { useSyncExternalStore } from "react";

const STORAGE_KEY = "cloche.api-key";
const listeners = new Set<() => void>();

/** The key of this browser, or null. It never leaves localStorage but in the `Authorization` header. */
export function readApiKey(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

/** Keeps the key for all tabs of this browser; null forgets it. */
export function writeApiKey(key: string | null): void {
  if (key === null) localStorage.removeItem(STORAGE_KEY);
  else localStorage.setItem(STORAGE_KEY, key);
  for (const listener of listeners) listener();
}

/** The headers that prove who asks; empty without a key. */
export function authorization(): Record<string, string> {
  const key = readApiKey();
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

/** Calls `listener` when the key changes, in this tab or another; returns how to stop. */
export function onApiKeyChange(listener: () => void): () => void {
  const fromOtherTab = (event: StorageEvent) => {
    if (event.key === STORAGE_KEY) listener();
  };
  listeners.add(listener);
  window.addEventListener("storage", fromOtherTab);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", fromOtherTab);
  };
}

export function useApiKey(): string | null {
  return useSyncExternalStore(onApiKeyChange, readApiKey);
}
