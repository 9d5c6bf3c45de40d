import { type KeyboardEvent, useEffect, useEffectEvent, useState } from "react";
import type { RuntimeOffer } from "@/shared/api/types";
import { useSubmit } from "../api/post-evaluation";
import { type Draft, offerFor, requestOf, runtimeId } from "../draft";
import { exampleFor, isExample } from "../examples";
import { useDraft } from "./use-draft";

export type Playground = ReturnType<typeof usePlayground>;

/** The draft, the chosen runtime, and the run that was started last. */
export function usePlayground(offers: readonly RuntimeOffer[]) {
  const { draft, change, latest } = useDraft();
  const submit = useSubmit();
  const [argsError, setArgsError] = useState<Error | null>(null);
  const offer = offerFor(draft.runtime, offers);

  const choose = (chosen: RuntimeOffer) => {
    const untouched = draft.source.trim() === "" || isExample(draft.source);
    const example = untouched ? exampleFor(chosen.name) : null;
    change({ runtime: runtimeId(chosen), ...example });
  };

  // A first visit starts with something that can be run at once.
  const startWithExample = useEffectEvent(() => {
    if (draft.runtime !== "" || draft.source !== "") return;
    const first = offers.find((one) => one.name === "python") ?? offer;
    if (first !== undefined) choose(first);
  });
  useEffect(() => {
    startWithExample();
  }, [offers]);

  const run = () => {
    const typed = latest.current;
    if (offer === undefined || typed.source.trim() === "" || submit.isPending) return;
    try {
      setArgsError(null);
      submit.mutate(requestOf(typed, offer));
    } catch (error) {
      setArgsError(error instanceof Error ? error : new Error(String(error)));
    }
  };

  return {
    draft,
    change,
    offer,
    choose,
    run,
    open: (opened: Draft) => {
      change(opened);
    },
    submitting: submit.isPending,
    problem: argsError ?? submit.error,
    runId: submit.data?.id ?? null,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      run();
    },
  };
}
