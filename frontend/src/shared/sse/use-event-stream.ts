import { useEffect, useEffectEvent, useState } from "react";
import { useApiKey } from "../api/api-key";
import { reportStream } from "./connection-status";
import { followEvents, type StreamState } from "./follow";
import type { StreamMessage } from "./parser";

/**
 * Follows the event stream at `url` while mounted; null follows nothing.
 *
 * The handler may change between renders without a reconnect; a new URL or key reconnects.
 */
export function useEventStream(
  url: string | null,
  onMessage: (message: StreamMessage) => "more" | "done",
): StreamState {
  const [state, setState] = useState<StreamState>("connecting");
  const key = useApiKey();
  const handle = useEffectEvent(onMessage);

  useEffect(() => {
    if (url === null) return;
    const stream = Symbol(url);
    const abort = new AbortController();
    void followEvents({
      url,
      signal: abort.signal,
      onMessage: (message) => handle(message),
      onState: (next) => {
        if (abort.signal.aborted) return;
        setState(next);
        reportStream(stream, next);
      },
    });
    return () => {
      abort.abort();
      reportStream(stream, null);
    };
  }, [url, key]);

  return state;
}
