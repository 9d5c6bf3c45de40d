import { useQuery } from "@tanstack/react-query";
import type { Evaluation, TaskView } from "../api/types";
import { explainEvidence } from "../text/evidence";
import classes from "./evaluation.module.css";
import { taskQuery } from "./get-task";

interface RunSentenceProps {
  run: Evaluation;
  retryReason: string | null;
}

/** One sentence on what holds now: why it waits, what it does, or why the verdict is what it is. */
export function RunSentence({ run, retryReason }: RunSentenceProps) {
  const task = useQuery({ ...taskQuery(run.id), enabled: run.status === "queued" });
  const text =
    run.status === "finished" ? verdictSentence(run) : liveSentence(run, task.data, retryReason);
  return <p className={classes.sentence}>{text}</p>;
}

function liveSentence(
  run: Evaluation,
  task: TaskView | undefined,
  retryReason: string | null,
): string {
  if (run.cancel_requested) return "Cancelling…";
  const retried = retryReason === null ? "" : `The attempt before was lost: ${retryReason}. `;
  const now =
    run.status === "queued"
      ? asSentence(task?.waiting_for ?? "waiting for a free slot")
      : "Output appears as it is written.";
  return retried + now;
}

/** The message and the evidence, without saying the same twice. */
export function verdictSentence(
  run: Pick<Evaluation, "message" | "evidence" | "exit_code" | "signal">,
): string {
  const message = asSentence(run.message);
  // The status stands beside it anyway.
  if (run.evidence?.source === "exit" && message !== "") return message;
  const evidence = explainEvidence(run) ?? "";
  const known =
    evidence === "" || message.toLowerCase().includes(evidence.slice(0, -1).toLowerCase());
  return known ? message : `${message} ${evidence}`.trim();
}

function asSentence(words: string): string {
  if (words === "") return "";
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
