import type { ReactNode } from "react";
import type { State } from "./verdict-words";

const FILLED = { fill: "currentColor", stroke: "none" };
const CUT = { stroke: "var(--shape-cut)", fill: "none" };

/** One outline per state, so that no state is told by its colour alone. */
const SHAPES: Readonly<Record<State, ReactNode>> = {
  queued: <circle cx="8" cy="8" r="5.5" strokeDasharray="2.6 2.2" />,
  running: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M8 2.5a5.5 5.5 0 0 1 0 11z" {...FILLED} />
    </>
  ),
  accepted: (
    <>
      <circle cx="8" cy="8" r="6.5" {...FILLED} />
      <path d="M5.2 8.2l2 2 3.7-4.2" {...CUT} />
    </>
  ),
  wrong_answer: (
    <>
      <rect x="1.8" y="1.8" width="12.4" height="12.4" rx="2" {...FILLED} />
      <path d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" {...CUT} />
    </>
  ),
  runtime_error: (
    <>
      <path d="M8 1.4l7 12.8H1z" {...FILLED} strokeLinejoin="round" />
      <path d="M8 6v3.8M8 11.9v.1" {...CUT} />
    </>
  ),
  compile_error: <path d="M5.8 4L2 8l3.8 4M10.2 4L14 8l-3.8 4M9 3L7 13" />,
  time_limit_exceeded: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.6V8l2.4 1.8" />
    </>
  ),
  memory_limit_exceeded: (
    <>
      <rect x="3.5" y="3.5" width="9" height="9" rx="1" />
      <path d="M6 3.5V1M10 3.5V1M6 15v-2.5M10 15v-2.5M3.5 6H1M3.5 10H1M15 6h-2.5M15 10h-2.5" />
    </>
  ),
  output_limit_exceeded: <path d="M2 3.5h12M2 8h12M2 12.5h5M10.5 10.5l4 4M14.5 10.5l-4 4" />,
  cancelled: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M3.8 12.2l8.4-8.4" />
    </>
  ),
  internal_error: (
    <>
      <path d="M8 .8L15.2 8 8 15.2.8 8z" {...FILLED} />
      <path d="M8 4.6v4M8 11v.1" {...CUT} />
    </>
  ),
};

export function VerdictShape({ state, size }: { state: State; size: number }) {
  return (
    <svg
      aria-hidden
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {SHAPES[state]}
    </svg>
  );
}
