import { useDocumentVisibility } from "@mantine/hooks";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { StreamMessage } from "@/shared/sse/parser";
import { useEventStream } from "@/shared/sse/use-event-stream";

/** Lists are fetched again at most this often, however much happens. */
const QUIET_MS = 1_000;

/**
 * Keeps lists and counts fresh while this tab is in sight.
 *
 * A hidden tab holds no connection: browsers allow only six to one host over HTTP/1.1.
 */
export function useListEvents(): void {
  const client = useQueryClient();
  const visible = useDocumentVisibility() === "visible";
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const state = useEventStream(visible ? "/api/v1/events?topic=list" : null, (message) => {
    if (message.event === "list.changed") {
      markChanged(client, message);
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        void refreshLists(client);
      }, QUIET_MS);
    }
    return "more";
  });

  // What changed while nothing was heard is not told later: ask once after each connect.
  useEffect(() => {
    if (state === "live") void refreshLists(client);
  }, [state, client]);
}

function refreshLists(client: QueryClient): Promise<unknown> {
  return Promise.all(
    [["evaluations", "list"], ["queue"], ["executors"]].map((queryKey) =>
      client.invalidateQueries({ queryKey }, { cancelRefetch: false }),
    ),
  );
}

/** Single evaluations that are open somewhere are marked stale; their pages have streams of their own. */
function markChanged(client: QueryClient, message: StreamMessage): void {
  const { evaluation_ids: ids } = JSON.parse(message.data) as { evaluation_ids: string[] };
  for (const id of ids) {
    void client.invalidateQueries({
      queryKey: ["evaluations", "one", id],
      refetchType: "none",
    });
  }
}
