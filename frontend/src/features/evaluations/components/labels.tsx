import { Link } from "@tanstack/react-router";
import classes from "./evaluations.module.css";

/** Labels; each leads to the list of what carries it. */
export function Labels({ labels }: { labels: Readonly<Record<string, string>> }) {
  return (
    <span className={classes.labels}>
      {Object.entries(labels).map(([key, value]) => (
        <Link
          key={key}
          to="/evaluations"
          search={{ label: `${key}:${value}` }}
          className={classes.label}
          title={`${key}: ${value}`}
        >
          <span>{key}</span> {value}
        </Link>
      ))}
    </span>
  );
}
