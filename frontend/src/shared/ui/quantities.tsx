import { formatBytes, formatExactBytes } from "../text/bytes";
import { formatDuration } from "../text/duration";
import classes from "./ui.module.css";

/** A duration; "–" when it is not known. */
export function Duration({ ms }: { ms: number | null | undefined }) {
  if (ms == null) return <Unknown />;
  return (
    <span className={classes.number} title={`${ms} ms`}>
      {formatDuration(ms)}
    </span>
  );
}

/** A byte count, exact on hover; "–" when it is not known. */
export function Bytes({ count }: { count: number | null | undefined }) {
  if (count == null) return <Unknown />;
  return (
    <span className={classes.number} title={formatExactBytes(count)}>
      {formatBytes(count)}
    </span>
  );
}

export function Unknown() {
  return <span className={classes.unknown}>–</span>;
}
