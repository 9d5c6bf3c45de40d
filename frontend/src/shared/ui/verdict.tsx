import { VerdictShape } from "./verdict-shape";
import classes from "./verdict.module.css";
import { type State, STATE_WORDS } from "./verdict-words";

interface VerdictProps {
  state: State;
  size?: "row" | "title";
}

/** A state as shape, colour and word; its meaning on hover. */
export function Verdict({ state, size = "row" }: VerdictProps) {
  const { word, tone, meaning } = STATE_WORDS[state];
  return (
    <span className={classes.verdict} data-tone={tone} data-size={size} title={meaning}>
      <VerdictShape state={state} size={size === "row" ? 14 : 20} />
      <span>{word}</span>
    </span>
  );
}
