import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useReducer, useState } from "react";
import type { Evaluation } from "../api/types";
import { RunOutput } from "../output/run-output";
import type { StreamMessage } from "../sse/parser";
import { useEventStream } from "../sse/use-event-stream";
import { evaluationQuery } from "./get-evaluation";
import { nextProgress } from "./next-progress";
import { NO_PROGRESS, withProgress } from "./progress";
import { wantsReplay } from "./replay";
import { usePolling } from "./use-polling";
import { attemptOf, type WatchedEvent, watchedEvent } from "./watched-event";

export type LiveEvaluation = ReturnType<typeof useLiveEvaluation>;

/**
 * One evaluation as it is now: the stored record, live progress on top, and its output.
 *
 * Follows the event stream until the verdict is stored, polls while the stream is broken.
 * A finished one is replayed where that shows more than the record.
 * Holds one run's state: mount what uses it with `key={id}`.
 */
export function useLiveEvaluation(id: string) {
  const client = useQueryClient();
  const [output] = useState(() => new RunOutput());
  const [progress, dispatch] = useReducer(nextProgress, NO_PROGRESS);
  const [heardAll, setHeardAll] = useState(false);
  const query = useQuery(evaluationQuery(id));
  const { data: evaluation, refetch } = query;
  const finished = evaluation?.status === "finished";

  const onMessage = (message: StreamMessage) => {
    const event = watchedEvent(message);
    if (event === null) return "more";
    dispatch({ event, attempt: attemptOf(message) });
    applyToOutput(output, event);
    if (event.name !== "evaluation.finished") return "more";
    client.setQueryData(evaluationQuery(id).queryKey, event.data);
    setHeardAll(true);
    return "done";
  };
  const listens = evaluation !== undefined && !heardAll && (!finished || wantsReplay(evaluation));
  const stream = useEventStream(
    listens ? `/api/v1/evaluations/${encodeURIComponent(id)}/events` : null,
    onMessage,
  );
  const broken = stream === "reconnecting" || stream === "refused";
  const polling = listens && !finished && broken;
  usePolling(polling, refetch);

  useEffect(() => {
    if (finished && (!listens || broken)) completeOutput(output, evaluation);
  }, [finished, listens, broken, output, evaluation]);

  const shown = useMemo(
    () => (evaluation === undefined ? undefined : withProgress(evaluation, progress)),
    [evaluation, progress],
  );
  const reading = finished && listens && !broken;
  return { evaluation: shown, progress, output, reading, error: query.error, refetch, polling };
}

function applyToOutput(output: RunOutput, event: WatchedEvent): void {
  if (event.name === "output") output.add(event.data.stream, event.data);
  else if (event.name === "gap") output.skipTo(event.data.stream, event.data.to);
  else if (event.name === "evaluation.retried") output.clear();
}

function completeOutput(output: RunOutput, evaluation: Evaluation): void {
  output.complete("stdout", evaluation.stdout);
  output.complete("stderr", evaluation.stderr);
}
