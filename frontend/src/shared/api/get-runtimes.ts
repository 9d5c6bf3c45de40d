import { queryOptions } from "@tanstack/react-query";
import { api, bodyOf } from "./client";

/** `GET /api/v1/runtimes`: what some executor can run right now. */
export const runtimesQuery = queryOptions({
  queryKey: ["runtimes"],
  queryFn: async ({ signal }) => bodyOf(await api.GET("/api/v1/runtimes", { signal })).runtimes,
  staleTime: 60_000,
  // A stack that has just started offers nothing until its first executor has passed its tests.
  refetchInterval: ({ state }) => (state.data?.length === 0 ? 3_000 : false),
});
