import type { Evaluation } from "../api/types";
import { Verdict } from "../ui/verdict";
import { stateOf } from "../ui/verdict-words";
import classes from "./evaluation.module.css";
import { Measures } from "./measures";
import { RunSentence } from "./run-sentence";
import { StageStrip } from "./stage-strip";

interface VerdictHeadProps {
  run: Evaluation;
  /** Why an earlier attempt was given up, while this is not finished. */
  retryReason?: string | null;
}

/** The verdict, why it is what it is, what was measured, and when what happened. */
export function VerdictHead({ run, retryReason = null }: VerdictHeadProps) {
  return (
    <div className={classes.head}>
      <div className={classes.verdictRow}>
        <div role="status">
          <Verdict state={stateOf(run)} size="title" />
        </div>
        <Measures run={run} />
      </div>
      <RunSentence run={run} retryReason={retryReason} />
      {run.isolation_note == null ? null : (
        <p className={classes.weaker}>It ran under isolation {run.isolation_note}.</p>
      )}
      <StageStrip run={run} />
    </div>
  );
}
