import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** This near to the end counts as at the end (a fraction of a row, for zoomed pages). */
const SLACK_PX = 8;

/**
 * Keeps a scrolling element at its end while the reader is there; `count` is how many rows it has.
 *
 * Scrolling up stops it, coming back to the end resumes it; nothing moves while reading.
 */
export function useFollowTail(
  element: RefObject<HTMLElement | null>,
  count: number,
  startAtEnd: boolean,
) {
  const [pausedAt, setPausedAt] = useState<number | null>(startAtEnd ? null : 0);
  const lastTop = useRef(0);
  const following = pausedAt === null;

  useLayoutEffect(() => {
    const box = element.current;
    if (following) box?.scrollTo({ top: box.scrollHeight });
  }, [element, following, count]);

  const onScroll = () => {
    const box = element.current;
    if (box === null) return;
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - SLACK_PX;
    if (atEnd) setPausedAt(null);
    else if (box.scrollTop < lastTop.current) setPausedAt((old) => old ?? count);
    lastTop.current = box.scrollTop;
  };

  return {
    following,
    unseen: pausedAt === null || !startAtEnd ? 0 : count - pausedAt,
    onScroll,
    resume: () => {
      setPausedAt(null);
    },
  };
}
