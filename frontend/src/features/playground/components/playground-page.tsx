import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { runtimesQuery } from "@/shared/api/get-runtimes";
import { ProblemView } from "@/shared/ui/problem-view";
import { useTitle } from "@/shared/ui/use-title";
import { usePlayground } from "../hooks/use-playground";
import { useDraftFrom } from "../hooks/use-draft-from";
import { EditorPanel } from "./editor-panel";
import classes from "./playground.module.css";
import { ResultPlaceholder } from "./result-placeholder";
import { RunResult } from "./run-result";

/** Write a program, run it, watch it. */
export function PlaygroundPage() {
  useTitle("Playground");
  const { from } = useSearch({ from: "/" });
  const runtimes = useQuery(runtimesQuery);
  const playground = usePlayground(runtimes.data ?? []);
  const openError = useDraftFrom(from, playground.open);
  const { runId, problem } = playground;

  return (
    <div className={classes.page} onKeyDown={playground.onKeyDown}>
      <h1 className={classes.hidden}>Playground</h1>
      <div className={classes.left}>
        {runtimes.error === null ? null : (
          <ProblemView error={runtimes.error} onRetry={runtimes.refetch} />
        )}
        {openError === null ? null : <ProblemView error={openError} />}
        <EditorPanel playground={playground} offers={runtimes.data} />
      </div>
      <div className={classes.right}>
        {problem === null ? null : <ProblemView error={problem} />}
        {runId === null ? (
          <ResultPlaceholder offers={runtimes.data} />
        ) : (
          <RunResult key={runId} id={runId} />
        )}
      </div>
    </div>
  );
}
