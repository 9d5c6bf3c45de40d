import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useEffectEvent } from "react";
import { evaluationQuery } from "@/shared/evaluation/get-evaluation";
import { type Draft, draftOf } from "../draft";

/** Opens a stored evaluation's program as the draft, once; answers why it could not. */
export function useDraftFrom(id: string | undefined, open: (draft: Draft) => void): Error | null {
  const navigate = useNavigate();
  const query = useQuery({ ...evaluationQuery(id ?? ""), enabled: id !== undefined });
  const program = id === undefined ? undefined : query.data?.program;
  const draft = program == null ? null : draftOf(program);

  const openOnce = useEffectEvent(() => {
    if (draft === null) return;
    open(draft);
    // The draft is this browser's own from here on; a reload must not overwrite it.
    void navigate({ to: "/", search: {}, replace: true });
  });
  useEffect(() => {
    openOnce();
  }, [program]);

  if (id === undefined) return null;
  if (program != null && draft === null) {
    return new Error("A program of several files, or one that is not text, can't be edited here.");
  }
  return query.error;
}
