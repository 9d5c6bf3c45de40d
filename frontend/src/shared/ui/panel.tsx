import type { ReactNode } from "react";
import classes from "./ui.module.css";

interface PanelProps {
  title?: ReactNode;
  /** Stands at the right end of the title row. */
  actions?: ReactNode;
  className?: string | undefined;
  children: ReactNode;
}

/** An area with a hairline around it, mostly titled. */
export function Panel({ title, actions, className, children }: PanelProps) {
  return (
    <section className={`${classes.panel ?? ""} ${className ?? ""}`}>
      {title === undefined ? null : (
        <header className={classes.panelHead}>
          <h2 className={classes.panelTitle}>{title}</h2>
          {actions === undefined ? null : <div className={classes.actions}>{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}
