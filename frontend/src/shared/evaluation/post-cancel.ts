import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import { evaluationQuery } from "./get-evaluation";

/** `POST /api/v1/evaluations/{id}/cancel`; a finished one stays as it is. */
export function useCancel(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () =>
      bodyOf(
        await api.POST("/api/v1/evaluations/{evaluation_id}/cancel", {
          params: { path: { evaluation_id: id } },
        }),
      ),
    onSuccess: (answer) => {
      client.setQueryData(evaluationQuery(id).queryKey, (old) =>
        old?.status === "finished" ? old : answer,
      );
    },
  });
}
