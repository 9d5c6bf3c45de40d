import type { CompileView } from "../api/types";
import { formatBytes } from "../text/bytes";
import { visibleText } from "../output/visible-text";
import { Panel } from "../ui/panel";
import { Bytes, Duration } from "../ui/quantities";
import classes from "./evaluation.module.css";

/** What the compiler said, also on success. */
export function CompilePanel({ compile }: { compile: CompileView }) {
  return (
    <Panel
      title={compile.exit_code === 0 ? "Compiler" : `Compiler: status ${compile.exit_code ?? "–"}`}
      actions={
        <span className={classes.paneNotes}>
          <Duration ms={compile.wall_time_ms} />
          <Bytes count={compile.peak_memory_bytes} />
        </span>
      }
    >
      {compile.truncated ? (
        <p className={classes.truncation}>
          Cut: the compiler wrote {formatBytes(compile.output_bytes)}.
        </p>
      ) : null}
      <pre className={classes.compile} tabIndex={0} aria-label="Compiler output">
        {compile.output === ""
          ? "No warnings."
          : compile.output.split("\n").map(visibleText).join("\n")}
      </pre>
    </Panel>
  );
}
