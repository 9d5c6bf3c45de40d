import { queryOptions } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";

/** `GET /api/v1/evaluations/{id}`. */
export function evaluationQuery(id: string) {
  return queryOptions({
    queryKey: ["evaluations", "one", id],
    queryFn: async ({ signal }) =>
      bodyOf(
        await api.GET("/api/v1/evaluations/{evaluation_id}", {
          params: { path: { evaluation_id: id } },
          signal,
        }),
      ),
    // A finished evaluation never changes.
    staleTime: ({ state }) => (state.data?.status === "finished" ? Number.POSITIVE_INFINITY : 0),
  });
}
