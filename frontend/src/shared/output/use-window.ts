import { type RefObject, useLayoutEffect, useState } from "react";

const OVERSCAN = 12;

export interface RowWindow {
  first: number;
  end: number;
}

/** Which rows of equal height can be seen in a scrolling element, with a margin. */
export function useWindow(
  element: RefObject<HTMLElement | null>,
  rowPx: number,
  count: number,
): RowWindow {
  const [view, setView] = useState({ top: 0, height: 0 });

  useLayoutEffect(() => {
    const box = element.current;
    if (box === null) return;
    const measure = () => {
      setView((old) =>
        old.top === box.scrollTop && old.height === box.clientHeight
          ? old
          : { top: box.scrollTop, height: box.clientHeight },
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    box.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", measure);
    };
  }, [element]);

  const first = Math.max(0, Math.min(count, Math.floor(view.top / rowPx)) - OVERSCAN);
  const end = Math.min(count, Math.ceil((view.top + view.height) / rowPx) + OVERSCAN);
  return { first, end };
}
