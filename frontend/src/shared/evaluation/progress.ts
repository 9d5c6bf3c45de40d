import type { CaseView, Evaluation } from "../api/types";

/** What the event stream has told about a run that is not stored yet. */
export interface Progress {
  status: Evaluation["status"];
  attempt: number;
  executor: string | null;
  retryReason: string | null;
  engine: Evaluation["engine"];
  isolation: Evaluation["isolation"];
  queuedAt: string | null;
  leasedAt: string | null;
  startedAt: string | null;
  cases: readonly CaseView[];
}

export const NO_PROGRESS: Progress = {
  status: "queued",
  attempt: 0,
  executor: null,
  retryReason: null,
  engine: null,
  isolation: null,
  queuedAt: null,
  leasedAt: null,
  startedAt: null,
  cases: [],
};

/** The stored evaluation, enriched by what is newer in the stream; a finished one stays as it is. */
export function withProgress(evaluation: Evaluation, progress: Progress): Evaluation {
  if (evaluation.status === "finished") return evaluation;
  const { timeline } = evaluation;
  return {
    ...evaluation,
    status: progress.status === "running" ? "running" : evaluation.status,
    attempts: Math.max(evaluation.attempts, progress.attempt),
    engine: progress.engine ?? evaluation.engine,
    isolation: progress.isolation ?? evaluation.isolation,
    timeline: {
      ...timeline,
      queued_at: timeline.queued_at ?? progress.queuedAt,
      leased_at: progress.leasedAt ?? timeline.leased_at,
      started_at: progress.startedAt ?? timeline.started_at,
    },
    cases: mergeCases(evaluation.cases, progress.cases),
  };
}

/** By index; the stream's word counts, because it is the newer one. */
export function mergeCases(stored: readonly CaseView[], live: readonly CaseView[]): CaseView[] {
  const byIndex = new Map<number, CaseView>();
  for (const one of [...stored, ...live]) byIndex.set(one.index, one);
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}
