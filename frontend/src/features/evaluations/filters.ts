import type { Status, Verdict } from "@/shared/api/types";
import { STATE_WORDS } from "@/shared/ui/verdict-words";

/** What the list's URL says; anything it does not understand is left out. */
export interface Filters {
  status?: Status;
  verdict?: Verdict;
  runtime?: string;
  /** `key:value`. */
  label?: string;
  /** Text in the name. */
  name?: string;
  cursor?: string;
}

const STATUSES: readonly Status[] = ["queued", "running", "finished"];
export const VERDICTS = (Object.keys(STATE_WORDS) as (keyof typeof STATE_WORDS)[]).filter(
  (state): state is Verdict => state !== "queued" && state !== "running",
);

export function readFilters(search: Record<string, unknown>): Filters {
  return {
    ...oneOf("status", search.status, STATUSES),
    ...oneOf("verdict", search.verdict, VERDICTS),
    ...text("runtime", search.runtime),
    ...text("label", search.label),
    ...text("name", search.name),
    ...text("cursor", search.cursor),
  };
}

/** Whether anything but the page is chosen. */
export function isFiltered(filters: Filters): boolean {
  return Object.keys(filters).some((key) => key !== "cursor");
}

function oneOf<Key extends string, Value extends string>(
  key: Key,
  value: unknown,
  allowed: readonly Value[],
): Partial<Record<Key, Value>> {
  const known = allowed.find((one) => one === value);
  return known === undefined ? {} : ({ [key]: known } as Record<Key, Value>);
}

function text<Key extends string>(key: Key, value: unknown): Partial<Record<Key, string>> {
  // The router reads "31" and "true" in a URL as a number and a boolean.
  const word = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  if (typeof word !== "string" || word === "") return {};
  return { [key]: word } as Record<Key, string>;
}
