import type { TierState } from "../tier-state";
import classes from "./queue.module.css";

export type HealthState = "healthy" | "silent" | TierState;

const LOOKS: Readonly<Record<HealthState, "good" | "bad" | "quiet">> = {
  healthy: "good",
  holds: "good",
  failing: "bad",
  broken: "bad",
  silent: "quiet",
  untested: "quiet",
};
const WORDS: Readonly<Record<HealthState, string>> = {
  healthy: "Healthy",
  holds: "Holds",
  failing: "Failing",
  broken: "Broken",
  silent: "No report",
  untested: "Not tested yet",
};

/** Whether an executor, or one isolation of it, takes work: shape, colour and word. */
export function Health({ state }: { state: HealthState }) {
  const look = LOOKS[state];
  return (
    <span className={classes.health} data-look={look}>
      <svg aria-hidden width="12" height="12" viewBox="0 0 12 12" fill="none" stroke="currentColor">
        {look === "good" ? <circle cx="6" cy="6" r="4.5" fill="currentColor" /> : null}
        {look === "bad" ? <path d="M6 1l5.2 9.6H.8z" fill="currentColor" /> : null}
        {look === "quiet" ? <circle cx="6" cy="6" r="4.5" strokeDasharray="2 1.6" /> : null}
      </svg>
      {WORDS[state]}
    </span>
  );
}
