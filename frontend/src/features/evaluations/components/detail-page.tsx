import { Link, useParams } from "@tanstack/react-router";
import type { Evaluation } from "@/shared/api/types";
import { useLiveEvaluation } from "@/shared/evaluation/use-live-evaluation";
import { Panel } from "@/shared/ui/panel";
import { ProblemView } from "@/shared/ui/problem-view";
import { useTitle } from "@/shared/ui/use-title";
import { STATE_WORDS, stateOf } from "@/shared/ui/verdict-words";
import { Waiting } from "@/shared/ui/waiting";
import { DetailActions } from "./detail-actions";
import { DetailBody } from "./detail-body";
import classes from "./evaluations.module.css";

/** One evaluation's permalink. */
export function DetailPage() {
  const { id } = useParams({ from: "/evaluations/$id" });
  return <Detail key={id} id={id} />;
}

function Detail({ id }: { id: string }) {
  const live = useLiveEvaluation(id);
  const { evaluation: run, error, refetch } = live;
  useTitle(titleOf(id, run));

  return (
    <div className={classes.page}>
      <div className={classes.top}>
        <div className={classes.crumbs}>
          <Link to="/evaluations">Evaluations</Link>
          <span aria-hidden>/</span>
          <h1 className={classes.title}>
            {run === undefined || run.name === "" ? <code>{id}</code> : run.name}
          </h1>
        </div>
        {run === undefined ? null : <DetailActions run={run} />}
      </div>
      {live.polling ? (
        <p className={classes.stream} role="status">
          Live view interrupted; asking every few seconds. It resumes by itself.
        </p>
      ) : null}
      {error === null ? null : <ProblemView error={error} onRetry={refetch} />}
      {run === undefined ? null : <DetailBody run={run} live={live} />}
      {run === undefined && error === null ? (
        <Panel title="Evaluation">
          <Waiting rows={10} />
        </Panel>
      ) : null}
    </div>
  );
}

function titleOf(id: string, run: Evaluation | undefined): string {
  if (run === undefined) return "Evaluation";
  const name = run.name === "" ? id.slice(-8) : run.name;
  return `${STATE_WORDS[stateOf(run)].word} · ${name}`;
}
