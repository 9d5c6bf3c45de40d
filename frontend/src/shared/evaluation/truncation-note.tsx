import type { Evaluation, OutputView, StreamName } from "../api/types";
import { formatBytes, formatExactBytes } from "../text/bytes";
import classes from "./evaluation.module.css";

/** Says what of the output is not here: never written to the record, lost, or just not shown. */
export function TruncationNote({ run }: { run: Pick<Evaluation, StreamName> }) {
  const notes = [...notesOf("stdout", run.stdout), ...notesOf("stderr", run.stderr)];
  if (notes.length === 0) return null;
  return (
    <div className={classes.truncation} role="note">
      {notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
    </div>
  );
}

export function notesOf(stream: StreamName, view: OutputView): string[] {
  const notes: string[] = [];
  const lost = view.missing.reduce((sum, [from = 0, to = 0]) => sum + to - from, 0);
  if (view.truncated && view.bytes > view.kept) {
    notes.push(
      `${stream}: the first ${formatBytes(view.kept)} of ${formatBytes(view.bytes)} are stored; ` +
        `the last ${formatExactBytes(view.bytes - view.kept)} went past the limit.`,
    );
  }
  if (lost > 0) notes.push(`${stream}: ${formatExactBytes(lost)} were lost on the way.`);
  if (view.kept > view.shown) {
    notes.push(
      `${stream}: of ${formatBytes(view.kept)} stored, this record shows the first ` +
        `${formatBytes(view.shown)}; the raw file has all.`,
    );
  }
  return notes;
}
