import { useState } from "react";
import type { EvaluationSummary } from "@/shared/api/types";

type Rows = readonly EvaluationSummary[];

interface Held {
  /** Another list (filters, page) is never held back. */
  list: string;
  ids: readonly string[];
}

/**
 * Rows that stay where they are while the pointer is on them.
 *
 * They keep changing in place; new ones wait and are counted until the pointer leaves or
 * `release` is called.
 */
export function useHeldRows(items: Rows | undefined, list: string) {
  const [held, setHeld] = useState<Held | null>(null);
  const { rows, waiting } = arrange(items, held?.list === list ? held.ids : null);
  const release = () => {
    setHeld(null);
  };
  return {
    rows,
    waiting,
    release,
    pointer: {
      onPointerEnter: () => {
        if (items !== undefined) setHeld({ list, ids: items.map(({ id }) => id) });
      },
      onPointerLeave: release,
    },
  };
}

/** What is shown of `items` while `ids` are held, and how many newer ones wait. */
export function arrange(
  items: Rows | undefined,
  ids: readonly string[] | null,
): { rows: Rows | undefined; waiting: number } {
  if (items === undefined || ids === null || ids.length === 0) return { rows: items, waiting: 0 };
  const known = new Set(ids);
  const firstKnown = items.findIndex(({ id }) => known.has(id));
  if (firstKnown < 0) return { rows: items, waiting: 0 };
  return { rows: items.slice(firstKnown), waiting: firstKnown };
}
