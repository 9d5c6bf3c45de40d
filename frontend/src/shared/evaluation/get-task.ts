import { queryOptions } from "@tanstack/react-query";
import { bodyOf, queueApi } from "../api/client";

/** `GET /queue/v1/tasks/{id}`: where a waiting evaluation stands, and why it waits. */
export function taskQuery(id: string) {
  return queryOptions({
    queryKey: ["queue", "task", id],
    queryFn: async ({ signal }) =>
      bodyOf(
        await queueApi.GET("/queue/v1/tasks/{evaluation_id}", {
          params: { path: { evaluation_id: id } },
          signal,
        }),
      ),
    refetchInterval: 2_000,
    // A 404 only says that the queue has not taken it yet.
    retry: false,
  });
}
