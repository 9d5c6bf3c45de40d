import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import type { Evaluation } from "@/shared/api/types";
import { useCancel } from "@/shared/evaluation/post-cancel";
import { CopyButton } from "@/shared/ui/copy-button";
import { ProblemView } from "@/shared/ui/problem-view";
import { useRerun } from "../api/post-rerun";
import { curlOf } from "../curl";
import classes from "./evaluations.module.css";

/** What can be done with an evaluation. */
export function DetailActions({ run }: { run: Evaluation }) {
  const navigate = useNavigate();
  const cancel = useCancel(run.id);
  const rerun = useRerun(run.id);
  const error = cancel.error ?? rerun.error;
  const { program } = run;
  return (
    <div className={classes.actions}>
      {error === null ? null : <ProblemView error={error} />}
      <CopyButton text={() => JSON.stringify(run, null, 2)}>Copy JSON</CopyButton>
      {program === null ? null : (
        <CopyButton text={() => curlOf(run, program, window.location.origin)}>Copy curl</CopyButton>
      )}
      <Link to="/" search={{ from: run.id }} className={classes.editLink}>
        Edit in playground
      </Link>
      {run.status === "finished" ? (
        <Button
          variant="filled"
          disabled={rerun.isPending}
          onClick={() => {
            rerun.mutate(undefined, {
              onSuccess: ({ id }) => void navigate({ to: "/evaluations/$id", params: { id } }),
            });
          }}
        >
          Run again
        </Button>
      ) : (
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
      )}
    </div>
  );
}
