import { Skeleton } from "@mantine/core";
import classes from "./ui.module.css";

const WIDTHS = ["72%", "54%", "88%", "40%", "64%"] as const;

/** Grey bars where rows will stand. */
export function Waiting({ rows }: { rows: number }) {
  return (
    <div className={classes.waiting} role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={10} width={WIDTHS[index % WIDTHS.length]} animate={false} />
      ))}
    </div>
  );
}
