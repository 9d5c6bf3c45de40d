import { useEffect, useEffectEvent } from "react";

const POLL_MS = 3_000;

/** Asks every few seconds while `active`: what stands in for a broken stream. */
export function usePolling(active: boolean, ask: () => unknown): void {
  const askNow = useEffectEvent(ask);
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => {
      askNow();
    }, POLL_MS);
    return () => {
      clearInterval(timer);
    };
  }, [active]);
}
