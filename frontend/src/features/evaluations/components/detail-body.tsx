import type { Evaluation } from "@/shared/api/types";
import { CaseTable } from "@/shared/evaluation/case-table";
import { CompilePanel } from "@/shared/evaluation/compile-panel";
import { OutputPane } from "@/shared/evaluation/output-pane";
import type { LiveEvaluation } from "@/shared/evaluation/use-live-evaluation";
import { VerdictHead } from "@/shared/evaluation/verdict-head";
import { Panel } from "@/shared/ui/panel";
import classes from "./evaluations.module.css";
import { ProgramPanels } from "./program-panels";
import { RecordPanel } from "./record-panel";

/** What came out on the left, what went in on the right. */
export function DetailBody({ run, live }: { run: Evaluation; live: LiveEvaluation }) {
  return (
    <div className={classes.detail}>
      <div className={classes.column}>
        <Panel>
          <VerdictHead run={run} retryReason={live.progress.retryReason} />
        </Panel>
        {run.compile === null ? null : <CompilePanel compile={run.compile} />}
        {run.cases.length === 0 ? null : (
          <CaseTable
            cases={run.cases}
            total={run.program?.cases.length ?? run.cases.length}
            finished={run.status === "finished"}
          />
        )}
        <Panel className={classes.output}>
          <OutputPane run={run} output={live.output} reading={live.reading} />
        </Panel>
      </div>
      <div className={classes.column}>
        {run.program === null ? null : <ProgramPanels program={run.program} />}
        <RecordPanel run={run} executor={live.progress.executor} />
      </div>
    </div>
  );
}
