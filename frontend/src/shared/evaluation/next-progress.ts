import { mergeCases, NO_PROGRESS, type Progress } from "./progress";
import { caseView, type WatchedEvent } from "./watched-event";

export interface ProgressStep {
  event: WatchedEvent;
  attempt: number | null;
}

/** Progress after one event; a retry starts over and keeps only its reason. */
export function nextProgress(progress: Progress, { event, attempt }: ProgressStep): Progress {
  const now = { ...progress, attempt: Math.max(progress.attempt, attempt ?? 0) };
  switch (event.name) {
    case "evaluation.queued":
      return { ...now, queuedAt: event.data.queued_at };
    case "evaluation.leased":
      return { ...now, leasedAt: event.data.leased_at };
    case "evaluation.started":
      return {
        ...now,
        status: "running",
        // Empty when the event is told again from the record.
        executor: event.data.executor === "" ? progress.executor : event.data.executor,
        engine: event.data.engine,
        isolation: event.data.isolation,
        startedAt: event.data.started_at,
      };
    case "evaluation.retried":
      return {
        ...NO_PROGRESS,
        attempt: event.data.next_attempt,
        queuedAt: progress.queuedAt,
        retryReason: event.data.reason,
      };
    case "case.finished":
      return { ...now, cases: mergeCases(now.cases, [caseView(event.data.case)]) };
    case "evaluation.finished":
      return { ...now, status: "finished" };
    case "output":
    case "gap":
      return now;
  }
}
