import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/shared/api/client";
import type { EvaluationRequest, Submission } from "@/shared/api/types";
import { evaluationQuery } from "@/shared/evaluation/get-evaluation";

/** `POST /api/v1/evaluations`; the answer is at once what a page of that evaluation shows. */
export function useSubmit() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (submission: Submission) =>
      bodyOf(
        // The server fills in every default that is left out.
        await api.POST("/api/v1/evaluations", { body: submission as EvaluationRequest }),
      ),
    onSuccess: (evaluation) => {
      client.setQueryData(evaluationQuery(evaluation.id).queryKey, evaluation);
    },
  });
}
