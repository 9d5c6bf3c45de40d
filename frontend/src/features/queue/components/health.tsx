import classes from "./queue.module.css";

/** Whether an executor takes work: shape, colour and word. */
export function Health({ healthy, stale }: { healthy: boolean; stale: boolean }) {
  const state = stale ? "silent" : healthy ? "healthy" : "failing";
  return (
    <span className={classes.health} data-state={state}>
      <svg aria-hidden width="12" height="12" viewBox="0 0 12 12" fill="none" stroke="currentColor">
        {state === "healthy" ? <circle cx="6" cy="6" r="4.5" fill="currentColor" /> : null}
        {state === "failing" ? <path d="M6 1l5.2 9.6H.8z" fill="currentColor" /> : null}
        {state === "silent" ? <circle cx="6" cy="6" r="4.5" strokeDasharray="2 1.6" /> : null}
      </svg>
      {{ healthy: "Healthy", failing: "Failing", silent: "No report" }[state]}
    </span>
  );
}
