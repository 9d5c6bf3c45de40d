import type { RuntimeOffer } from "@/shared/api/types";
import { Panel } from "@/shared/ui/panel";
import classes from "./playground.module.css";

/** What stands in the place of a run before there is one. */
export function ResultPlaceholder({ offers }: { offers: readonly RuntimeOffer[] | undefined }) {
  return (
    <Panel className={classes.result} title="Run">
      <div className={classes.placeholder}>
        {offers?.length === 0 ? (
          <p>
            No executor offers a runtime yet. A stack that has just started first proves each
            runtime by a self-test; this page goes on by itself.
          </p>
        ) : (
          <p>
            Nothing has run yet. The program starts in a fresh container without network; its
            output, verdict, times and memory appear here while it runs.
          </p>
        )}
      </div>
    </Panel>
  );
}
