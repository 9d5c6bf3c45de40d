import { useQuery } from "@tanstack/react-query";
import { Panel } from "@/shared/ui/panel";
import { ProblemView } from "@/shared/ui/problem-view";
import { useTitle } from "@/shared/ui/use-title";
import { Waiting } from "@/shared/ui/waiting";
import { executorsQuery } from "../api/get-executors";
import { statsQuery } from "../api/get-stats";
import { ExecutorPanel } from "./executor-panel";
import { LaneTable } from "./lane-table";
import classes from "./queue.module.css";
import { StatsStrip } from "./stats-strip";

/** What waits, what runs, and where it can run. */
export function QueuePage() {
  useTitle("Queue");
  const stats = useQuery(statsQuery);
  const executors = useQuery(executorsQuery);
  return (
    <div className={classes.page}>
      <h1 className={classes.title}>Queue</h1>
      {stats.error === null ? null : <ProblemView error={stats.error} onRetry={stats.refetch} />}
      {stats.data === undefined ? (
        stats.error === null ? (
          <Panel title="Lanes">
            <Waiting rows={4} />
          </Panel>
        ) : null
      ) : (
        <>
          <StatsStrip stats={stats.data} stale={stats.isError} />
          <LaneTable lanes={stats.data.lanes} />
        </>
      )}
      <h2 className={classes.title}>Executors</h2>
      {executors.error === null ? null : (
        <ProblemView error={executors.error} onRetry={executors.refetch} />
      )}
      {executors.data === undefined ? (
        executors.error === null ? (
          <Panel title="Executors">
            <Waiting rows={4} />
          </Panel>
        ) : null
      ) : executors.data.length === 0 ? (
        <p className={classes.none}>
          No worker has reported an executor yet. Programs wait in the queue until one does.
        </p>
      ) : (
        <div className={classes.executors}>
          {executors.data.map((seen) => (
            <ExecutorPanel key={`${seen.worker} ${seen.offer.name}`} seen={seen} />
          ))}
        </div>
      )}
    </div>
  );
}
