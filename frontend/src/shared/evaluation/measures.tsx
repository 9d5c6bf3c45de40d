import type { ReactNode } from "react";
import type { Evaluation } from "../api/types";
import { signalName } from "../text/signals";
import { Bytes, Duration } from "../ui/quantities";
import classes from "./evaluation.module.css";

/** Time and memory against their limits, and how the program ended. */
export function Measures({ run }: { run: Evaluation }) {
  const limits = run.program?.limits;
  return (
    <dl className={classes.measures}>
      <Measure name="Wall" part={share(run.wall_time_ms, limits && limits.wall_time_s * 1000)}>
        <Duration ms={run.wall_time_ms} />
      </Measure>
      <Measure name="CPU" part={share(run.cpu_time_ms, limits && limits.cpu_time_s * 1000)}>
        <Duration ms={run.cpu_time_ms} />
      </Measure>
      <Measure name="Peak memory" part={share(run.peak_memory_bytes, limits?.memory_bytes)}>
        <Bytes count={run.memory_source === "none" ? null : run.peak_memory_bytes} />
      </Measure>
      <Measure name={run.signal === null ? "Exit" : "Signal"}>{ending(run)}</Measure>
    </dl>
  );
}

interface MeasureProps {
  name: string;
  /** Of the limit, 0 to 1. */
  part?: number | null;
  children: ReactNode;
}

function Measure({ name, part = null, children }: MeasureProps) {
  return (
    <div className={classes.measure}>
      <dt>{name}</dt>
      <dd>{children}</dd>
      <div className={classes.meter} aria-hidden data-shown={part !== null}>
        <div data-full={part !== null && part >= 0.9} style={{ width: `${(part ?? 0) * 100}%` }} />
      </div>
    </div>
  );
}

function share(value: number | null, limit: number | undefined): number | null {
  return value === null || limit === undefined ? null : Math.min(1, value / limit);
}

function ending(run: Evaluation): string {
  if (run.signal !== null) return signalName(run.signal);
  return run.exit_code === null ? "–" : String(run.exit_code);
}
