import type { Evaluation, OutputView, StreamName } from "../api/types";
import { formatBytes, formatExactBytes } from "../text/bytes";
import type { RunOutput } from "../output/run-output";
import classes from "./evaluation.module.css";

interface TruncationNoteProps {
  run: Pick<Evaluation, StreamName>;
  output: RunOutput;
}

/** Says what of the output is not here: past the limit, lost, or just not shown. */
export function TruncationNote({ run, output }: TruncationNoteProps) {
  const notes = (["stdout", "stderr"] as const).flatMap((stream) =>
    notesOf(stream, run[stream], output.received(stream)),
  );
  if (notes.length === 0) return null;
  return (
    <div className={classes.truncation} role="note">
      {notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
    </div>
  );
}

/** One sentence for each part of a stream that a reader of `here` bytes does not see. */
export function notesOf(stream: StreamName, view: OutputView, here: number): string[] {
  const notes: string[] = [];
  const lost = view.missing.reduce((sum, [from = 0, to = 0]) => sum + to - from, 0);
  if (view.bytes > view.kept) {
    notes.push(
      `${stream}: the first ${formatBytes(view.kept)} of ${formatBytes(view.bytes)} are stored; ` +
        `the last ${formatExactBytes(view.bytes - view.kept)} went past the limit.`,
    );
  }
  if (lost > 0) notes.push(`${stream}: ${formatExactBytes(lost)} were lost on the way.`);
  if (here < view.kept - lost) {
    notes.push(
      `${stream}: this page shows the first ${formatBytes(here)} of ${formatBytes(view.kept)}; ` +
        "the raw file has all that is stored.",
    );
  }
  return notes;
}
