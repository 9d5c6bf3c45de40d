import { queryOptions } from "@tanstack/react-query";
import { bodyOf, queueApi } from "@/shared/api/client";

/** `GET /queue/v1/stats`. */
export const statsQuery = queryOptions({
  queryKey: ["queue", "stats"],
  queryFn: async ({ signal }) => bodyOf(await queueApi.GET("/queue/v1/stats", { signal })),
  refetchInterval: 2_000,
});
