import type { Evaluation, Evidence } from "../api/types";
import { formatBytes } from "./bytes";
import { formatDuration } from "./duration";
import { signalMeaning } from "./signals";

type LimitName = NonNullable<Evidence["limit"]>;

export const LIMIT_WORDS: Readonly<Record<LimitName, string>> = {
  wall_time_s: "wall time",
  cpu_time_s: "CPU time",
  memory_bytes: "memory",
  processes: "processes",
  output_bytes: "output",
  disk_bytes: "disk",
  inodes: "files",
  file_bytes: "file size",
  open_files: "open files",
  stack_bytes: "stack",
  total_time_s: "wall time of all cases",
};

/** A limit as it was set, without digits that nobody gave. */
export function formatLimit(name: string, value: number): string {
  if (name.endsWith("_s")) return `${Number(value.toFixed(3))} s`;
  return name.endsWith("_bytes") ? formatBytes(value) : String(value);
}

function formatMeasured(name: LimitName, value: number): string {
  return name.endsWith("_s") ? formatDuration(value * 1000) : formatLimit(name, value);
}

const ACTORS = {
  cloche: "Stopped by Cloche",
  kernel: "Stopped by the kernel",
  program: "Ended by the program itself",
} as const;

/** Who ended it, and when. */
function explainEnd({ killed_by, killed_after_ms }: Evidence): string {
  if (killed_by == null) return "";
  const when = killed_after_ms == null ? "" : ` after ${formatDuration(killed_after_ms)}`;
  return ` ${ACTORS[killed_by]}${when}.`;
}

function explainPlatform({ detail }: Evidence): string {
  return detail === "cell_lost"
    ? "It counts as the program's own doing (cell_lost)."
    : "A fault of the platform, not of the program: leave it out of any score and run it again.";
}

/** Why the verdict is what it is, as one or two sentences made from the recorded facts. */
export function explainEvidence(
  run: Pick<Evaluation, "evidence" | "exit_code" | "signal">,
): string | null {
  const { evidence } = run;
  if (evidence === null) return null;
  switch (evidence.source) {
    case "limit":
      return explainLimit(evidence);
    case "signal":
      return run.signal === null
        ? null
        : `Ended by ${signalMeaning(run.signal)}.${explainEnd(evidence)}`;
    case "exit":
      return run.exit_code === null ? null : `Exit status ${run.exit_code}.`;
    case "compile":
      return "The compiler refused the program; it never ran.";
    case "cancel":
      return "Cancelled on request; what it wrote until then is kept.";
    case "platform":
      return explainPlatform(evidence);
    case "output":
      return evidence.detail ?? null;
  }
}

function explainLimit(evidence: Evidence): string {
  const parts: string[] = [];
  if (evidence.limit != null) {
    const word = LIMIT_WORDS[evidence.limit];
    const allowed =
      evidence.limit_value == null ? "" : formatLimit(evidence.limit, evidence.limit_value);
    const reached =
      evidence.measured == null ? "" : formatMeasured(evidence.limit, evidence.measured);
    if (allowed !== "" && reached !== "")
      parts.push(`Measured ${word} ${reached}, limit ${allowed}.`);
    else if (allowed !== "") parts.push(`The limit is ${allowed} of ${word}.`);
  }
  if (evidence.oom_kills > 0) {
    parts.push(
      `${evidence.oom_kills} out-of-memory ${evidence.oom_kills === 1 ? "kill" : "kills"}.`,
    );
  }
  return `${parts.join(" ")}${explainEnd(evidence)}`.trim();
}
