import type { ReactNode } from "react";
import classes from "./ui.module.css";

/** A table that scrolls sideways where it must, also by keyboard. */
export function TableFrame({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.scroller} tabIndex={0} role="group" aria-label={`${label}, scrollable`}>
      <table className={classes.table} aria-label={label}>
        {children}
      </table>
    </div>
  );
}
