import { formatAge } from "../text/duration";
import classes from "./ui.module.css";
import { useNow } from "./use-now";

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** How long ago, ticking; in the reader's zone and in UTC on hover. */
export function Age({ at }: { at: string }) {
  const now = useNow();
  const moment = new Date(at);
  return (
    <time dateTime={at} title={bothZones(moment)} className={classes.number}>
      {formatAge(now - moment.getTime())}
    </time>
  );
}

/** A moment in the reader's zone; UTC on hover. */
export function Moment({ at }: { at: string }) {
  const moment = new Date(at);
  return (
    <time dateTime={at} title={bothZones(moment)} className={classes.number}>
      {LOCAL.format(moment)}
    </time>
  );
}

function bothZones(moment: Date): string {
  return `${LOCAL.format(moment)} here\n${moment.toISOString()}`;
}
