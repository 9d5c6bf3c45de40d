import type { Evaluation, StreamName } from "../api/types";

/** More than this is left to the raw file. */
const REPLAY_BYTES = 4 * 1024 * 1024;

/**
 * Whether a finished evaluation's stored events show more than its record: what goes beyond the
 * record's first bytes, or the order in which both streams were written.
 */
export function wantsReplay({ stdout, stderr }: Pick<Evaluation, StreamName>): boolean {
  if (stdout.kept + stderr.kept > REPLAY_BYTES) return false;
  const cut = stdout.kept > stdout.shown || stderr.kept > stderr.shown;
  return cut || (stdout.kept > 0 && stderr.kept > 0);
}
