import type { Evaluation } from "../api/types";

export interface Stage {
  name: string;
  /** What happens between this moment and the next. */
  meaning: string;
  at: string | null;
  /** Milliseconds until the next stage that was reached; null while it is open or unknown. */
  lasted: number | null;
}

const STAGES = [
  ["created", "created_at", "Accepted and stored"],
  ["queued", "queued_at", "Waiting for a worker"],
  ["leased", "leased_at", "A worker prepares a cell"],
  ["started", "started_at", "Compiling and running"],
  ["finished", "finished_at", "Being stored"],
  ["stored", "stored_at", "The verdict is durable"],
] as const;

/** The stages in order; those not reached have no time. */
export function stagesOf({ timeline }: Pick<Evaluation, "timeline">): Stage[] {
  return STAGES.map(([name, key, meaning], index) => {
    const at = timeline[key];
    const next = STAGES.slice(index + 1)
      .map(([, later]) => timeline[later])
      .find((moment) => moment !== null);
    const lasted =
      at === null || next === undefined ? null : Math.max(0, Date.parse(next) - Date.parse(at));
    return { name, meaning, at, lasted };
  });
}
