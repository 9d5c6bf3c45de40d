import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/shared/api/client";
import { evaluationQuery } from "@/shared/evaluation/get-evaluation";

/** `POST /api/v1/evaluations/{id}/rerun`: a new evaluation of the same program. */
export function useRerun(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () =>
      bodyOf(
        await api.POST("/api/v1/evaluations/{evaluation_id}/rerun", {
          params: { path: { evaluation_id: id } },
        }),
      ),
    onSuccess: (evaluation) => {
      client.setQueryData(evaluationQuery(evaluation.id).queryKey, evaluation);
    },
  });
}
