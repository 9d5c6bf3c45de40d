import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type Filters, isFiltered } from "../filters";
import classes from "./evaluations.module.css";

/** Says why there are no rows, and what to do next. */
export function EmptyList({ filters, onClear }: { filters: Filters; onClear: () => void }) {
  return (
    <div className={classes.empty}>
      {isFiltered(filters) ? (
        <>
          <p>No evaluation matches these filters.</p>
          <Button onClick={onClear}>Clear the filters</Button>
        </>
      ) : (
        <p>
          Nothing has been evaluated yet. Start in the <Link to="/">playground</Link>, or with{" "}
          <code>cloche run main.py</code>.
        </p>
      )}
    </div>
  );
}
