import { Link, useRouter } from "@tanstack/react-router";
import type { Filters } from "../filters";
import classes from "./evaluations.module.css";

/** Older by the server's cursor; newer goes back the way that was come. */
export function Pager({ filters, next }: { filters: Filters; next: string | null }) {
  const router = useRouter();
  const { cursor, ...first } = filters;
  return (
    <nav className={classes.pager} aria-label="Pages of the list">
      {cursor === undefined ? (
        <span aria-disabled>← Newer</span>
      ) : (
        <>
          <Link to="/evaluations" search={first}>
            Newest
          </Link>
          <button
            type="button"
            onClick={() => {
              router.history.back();
            }}
          >
            ← Newer
          </button>
        </>
      )}
      {next === null ? (
        <span aria-disabled>Older →</span>
      ) : (
        <Link to="/evaluations" search={{ ...first, cursor: next }}>
          Older →
        </Link>
      )}
    </nav>
  );
}
