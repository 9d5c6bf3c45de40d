import type { ReactNode } from "react";
import type { QueueStats } from "@/shared/api/types";
import { Duration } from "@/shared/ui/quantities";
import classes from "./queue.module.css";

/** The queue in seven numbers. */
export function StatsStrip({ stats, stale }: { stats: QueueStats; stale: boolean }) {
  const ages = stats.lanes.flatMap(({ oldest_age_s: age }) => (age === null ? [] : [age]));
  return (
    <dl className={classes.strip} data-stale={stale} aria-label="Queue now">
      <Number name="Waiting">{stats.queued}</Number>
      <Number name="Oldest waits">
        <Duration ms={ages.length === 0 ? null : Math.max(...ages) * 1000} />
      </Number>
      <Number name="Running">{stats.running}</Number>
      <Number name="Finished, last minute">{stats.finished_last_minute}</Number>
      <Number name="Wait, median">
        <Duration ms={milliseconds(stats.wait_p50_s)} />
      </Number>
      <Number name="Wait, 95 %">
        <Duration ms={milliseconds(stats.wait_p95_s)} />
      </Number>
      <Number name="Dead letters" alarming={stats.dead > 0}>
        {stats.dead}
      </Number>
    </dl>
  );
}

interface NumberProps {
  name: string;
  alarming?: boolean;
  children: ReactNode;
}

function Number({ name, alarming = false, children }: NumberProps) {
  return (
    <div data-alarming={alarming}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}
