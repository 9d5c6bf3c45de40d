import type { Limits } from "@/shared/api/types";

type LimitKey = "wall_time_s" | "cpu_time_s" | "memory_bytes" | "processes" | "output_bytes";

/** The limits that the playground offers; an absent one keeps the server's default. */
export type DraftLimits = Partial<Pick<Limits, LimitKey>>;

export interface LimitField {
  key: LimitKey;
  label: string;
  /** What one unit of the field is in the limit's own unit. */
  unit: number;
  suffix: string;
  /** The server's default in the limit's own unit (contracts/limits.py). */
  standard: number;
}

const MIB = 1024 * 1024;

export const LIMIT_FIELDS: readonly LimitField[] = [
  { key: "wall_time_s", label: "Wall time", unit: 1, suffix: " s", standard: 10 },
  { key: "cpu_time_s", label: "CPU time", unit: 1, suffix: " s", standard: 10 },
  { key: "memory_bytes", label: "Memory", unit: MIB, suffix: " MiB", standard: 256 * MIB },
  { key: "processes", label: "Processes", unit: 1, suffix: "", standard: 64 },
  { key: "output_bytes", label: "Output", unit: MIB, suffix: " MiB", standard: MIB },
];

/** Only the limits that differ from the defaults. */
export function changedLimits(limits: Limits): DraftLimits {
  const changed = LIMIT_FIELDS.filter(({ key, standard }) => limits[key] !== standard);
  return Object.fromEntries(changed.map(({ key }) => [key, limits[key]]));
}

/** `limits` with one of them set, or back to its default when `value` is undefined. */
export function withLimit(limits: DraftLimits, key: LimitKey, value?: number): DraftLimits {
  const others = Object.entries(limits).filter(([name]) => name !== key);
  return Object.fromEntries(value === undefined ? others : [...others, [key, value]]);
}
