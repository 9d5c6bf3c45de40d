import { type ReactNode, useRef, useSyncExternalStore } from "react";
import type { OutputChannel, RunOutput } from "./run-output";
import classes from "./output.module.css";
import { useFollowTail } from "./use-follow-tail";
import { useWindow } from "./use-window";
import { visibleText } from "./visible-text";

/** The height of `.row` in output.module.css. */
const ROW_PX = 18;

interface OutputRowsProps {
  output: RunOutput;
  channel: OutputChannel;
  label: string;
  /** A live run is followed from its end, a finished one is read from its beginning. */
  live: boolean;
  /** Stands where rows would, while there are none. */
  empty: ReactNode;
}

/** The rows of one channel; only those in sight are in the page. Keyboard: focus, then scroll. */
export function OutputRows({ output, channel, label, live, empty }: OutputRowsProps) {
  const box = useRef<HTMLDivElement>(null);
  useSyncExternalStore(output.subscribe, output.snapshot);
  const { rows, dropped } = output.rows(channel);
  const { following, unseen, onScroll, resume } = useFollowTail(box, dropped + rows.length, live);
  const { first, end } = useWindow(box, ROW_PX, rows.length);

  return (
    <div className={classes.frame}>
      <div
        ref={box}
        className={classes.scroll}
        onScroll={onScroll}
        tabIndex={0}
        role="log"
        aria-label={label}
        aria-live="off"
      >
        {rows.length === 0 ? <div className={classes.empty}>{empty}</div> : null}
        <div className={classes.space} style={{ height: rows.length * ROW_PX }}>
          <div className={classes.rows} style={{ transform: `translateY(${first * ROW_PX}px)` }}>
            {rows.slice(first, end).map((row, index) => (
              <div key={dropped + first + index} className={classes.row} data-kind={row.kind}>
                <span className={classes.number}>{dropped + first + index + 1}</span>
                <span className={classes.text}>{visibleText(row.text)}</span>
              </div>
            ))}
          </div>
        </div>
      </div>
      {following || (unseen === 0 && end === rows.length) ? null : (
        <button type="button" className={classes.resume} onClick={resume}>
          {unseen > 0 ? `${unseen} new ${unseen === 1 ? "line" : "lines"} below` : "To the end"} ↓
        </button>
      )}
    </div>
  );
}
