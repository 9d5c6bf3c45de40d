import { type ConnectionStatus, useConnectionStatus } from "@/shared/sse/connection-status";
import classes from "./shell.module.css";

const WORDS: Readonly<Record<ConnectionStatus, string>> = {
  live: "Live",
  reconnecting: "Reconnecting",
  idle: "Not live",
};

/** Whether events reach this page now. */
export function ConnectionMark() {
  const status = useConnectionStatus();
  return (
    <div className={classes.connection} data-status={status} role="status">
      <svg aria-hidden width="10" height="10" viewBox="0 0 10 10" fill="none" stroke="currentColor">
        {status === "live" ? (
          <circle cx="5" cy="5" r="4" fill="currentColor" stroke="none" />
        ) : (
          <circle
            cx="5"
            cy="5"
            r="3.6"
            strokeWidth="1.6"
            strokeDasharray={status === "idle" ? "none" : "2.4 1.8"}
          />
        )}
      </svg>
      <span>{WORDS[status]}</span>
    </div>
  );
}
