import { queryOptions } from "@tanstack/react-query";
import { api, bodyOf } from "@/shared/api/client";

/** `GET /api/v1/executors`: as their workers last reported them. */
export const executorsQuery = queryOptions({
  queryKey: ["executors"],
  queryFn: async ({ signal }) => bodyOf(await api.GET("/api/v1/executors", { signal })).executors,
  refetchInterval: 5_000,
});
