import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { CaseTable } from "@/shared/evaluation/case-table";
import { CompilePanel } from "@/shared/evaluation/compile-panel";
import { OutputPane } from "@/shared/evaluation/output-pane";
import { useCancel } from "@/shared/evaluation/post-cancel";
import { useLiveEvaluation } from "@/shared/evaluation/use-live-evaluation";
import { VerdictHead } from "@/shared/evaluation/verdict-head";
import { Panel } from "@/shared/ui/panel";
import { ProblemView } from "@/shared/ui/problem-view";
import { ShortId } from "@/shared/ui/short-id";
import { Waiting } from "@/shared/ui/waiting";
import classes from "./playground.module.css";

/** The run that was started here, as it happens. Mount it with `key={id}`. */
export function RunResult({ id }: { id: string }) {
  const { evaluation: run, progress, output, reading, error, refetch } = useLiveEvaluation(id);
  const cancel = useCancel(id);
  if (run === undefined) {
    return error === null ? <Waiting rows={6} /> : <ProblemView error={error} onRetry={refetch} />;
  }
  const live = run.status !== "finished";
  return (
    <Panel
      className={classes.result}
      title="Run"
      actions={
        <>
          {live ? (
            <Button
              color="red"
              variant="outline"
              disabled={run.cancel_requested || cancel.isPending}
              onClick={() => {
                cancel.mutate();
              }}
            >
              {run.cancel_requested ? "Cancelling…" : "Cancel"}
            </Button>
          ) : null}
          <Link to="/evaluations/$id" params={{ id }} className={classes.permalink}>
            <ShortId id={id} /> →
          </Link>
        </>
      }
    >
      <VerdictHead run={run} retryReason={progress.retryReason} />
      {cancel.error === null ? null : <ProblemView error={cancel.error} />}
      {run.compile === null || run.compile.output === "" ? null : (
        <div className={classes.inset}>
          <CompilePanel compile={run.compile} />
        </div>
      )}
      <OutputPane run={run} output={output} reading={reading} />
      {run.cases.length === 0 ? null : (
        <div className={classes.inset}>
          <CaseTable cases={run.cases} total={run.cases.length} finished={!live} />
        </div>
      )}
    </Panel>
  );
}
