import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, bodyOf } from "@/shared/api/client";
import type { Filters } from "../filters";

export const PAGE_ROWS = 50;

/** `GET /api/v1/evaluations`, one page, newest first; the old page stands until the new one is there. */
export function evaluationsQuery(filters: Filters) {
  return queryOptions({
    queryKey: ["evaluations", "list", filters],
    queryFn: async ({ signal }) =>
      bodyOf(
        await api.GET("/api/v1/evaluations", {
          params: { query: { ...filters, limit: PAGE_ROWS } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    // Events refresh the list; this is for when no event gets through.
    refetchInterval: 15_000,
  });
}
