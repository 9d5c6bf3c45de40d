import { useEffect, useRef, useState } from "react";
import { type Draft, EMPTY_DRAFT } from "../draft";

const STORAGE_KEY = "cloche.draft";

/** The draft of this browser; it survives a reload. */
export function useDraft() {
  const [draft, setDraft] = useState(readDraft);
  // Ctrl+Enter right behind a keystroke comes before the next rendering; it must run what was typed.
  const latest = useRef(draft);

  useEffect(() => {
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(draft));
    } catch {
      // Storage is full or blocked: the draft lives as long as the page.
    }
  }, [draft]);

  const change = (part: Partial<Draft>) => {
    latest.current = { ...latest.current, ...part };
    setDraft(latest.current);
  };
  return { draft, change, latest };
}

function readDraft(): Draft {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null");
    // What an older page stored lacks the fields that came later.
    const whole: unknown = { ...EMPTY_DRAFT, ...(stored as object | null) };
    return isDraft(whole) ? whole : EMPTY_DRAFT;
  } catch {
    return EMPTY_DRAFT;
  }
}

function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const draft = value as Record<string, unknown>;
  return (
    ["runtime", "source", "stdin", "args", "network"].every(
      (key) => typeof draft[key] === "string",
    ) &&
    typeof draft.limits === "object" &&
    draft.limits !== null &&
    (draft.isolation === null || typeof draft.isolation === "string")
  );
}
