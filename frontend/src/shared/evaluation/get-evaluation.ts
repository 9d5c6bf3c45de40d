import { queryOptions, replaceEqualDeep } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import type { Evaluation } from "../api/types";

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
    // A finished evaluation never changes; an answer from before, that comes late, must not take it back.
    structuralSharing: (known, answer) =>
      isFinished(known) ? known : replaceEqualDeep(known, answer),
    staleTime: ({ state }) => (isFinished(state.data) ? Number.POSITIVE_INFINITY : 0),
  });
}

function isFinished(data: unknown): boolean {
  return (data as Evaluation | undefined)?.status === "finished";
}
