import type { CaseView, Evaluation, StreamName } from "../api/types";
import type { OutputPiece } from "../output/byte-assembler";
import type { StreamMessage } from "../sse/parser";

interface CaseResult extends Omit<CaseView, "wall_time_ms" | "cpu_time_ms" | "peak_memory_bytes"> {
  usage: Pick<CaseView, "wall_time_ms" | "cpu_time_ms" | "peak_memory_bytes">;
}

/** What a watcher of one evaluation is told, by event name (contracts/events.py). */
interface WatchedData {
  "evaluation.queued": { queued_at: string };
  "evaluation.leased": { worker: string; leased_at: string };
  "evaluation.started": {
    executor: string;
    engine: Evaluation["engine"];
    isolation: Evaluation["isolation"];
    started_at: string;
  };
  "evaluation.retried": { reason: string; next_attempt: number };
  "evaluation.finished": Evaluation;
  output: OutputPiece & { attempt: number; stream: StreamName };
  "case.finished": { case: CaseResult };
  gap: { stream: StreamName; from: number; to: number };
}

export type WatchedEvent = {
  [Name in keyof WatchedData]: { name: Name; data: WatchedData[Name] };
}[keyof WatchedData];

const NAMES: ReadonlySet<string> = new Set<keyof WatchedData>([
  "evaluation.queued",
  "evaluation.leased",
  "evaluation.started",
  "evaluation.retried",
  "evaluation.finished",
  "output",
  "case.finished",
  "gap",
]);

/** The event, or null for a name this page does not know (a newer server's, say). */
export function watchedEvent(message: StreamMessage): WatchedEvent | null {
  if (!NAMES.has(message.event)) return null;
  return { name: message.event, data: JSON.parse(message.data) as unknown } as WatchedEvent;
}

/** The attempt in an event id (`epoch.attempt.…`), or null where there is none. */
export function attemptOf(message: StreamMessage): number | null {
  const attempt = Number(message.id?.split(".")[1] ?? Number.NaN);
  return Number.isInteger(attempt) ? attempt : null;
}

/** A case as the stream tells it, in the shape in which it is stored. */
export function caseView({ usage, ...rest }: CaseResult): CaseView {
  return { ...rest, ...usage };
}
