import { SegmentedControl } from "@mantine/core";
import { useState, useSyncExternalStore } from "react";
import type { Evaluation, StreamName } from "../api/types";
import { OutputRows } from "../output/output-rows";
import type { OutputChannel, RunOutput } from "../output/run-output";
import { RawLink } from "./raw-link";
import { Bytes } from "../ui/quantities";
import classes from "./evaluation.module.css";
import { TruncationNote } from "./truncation-note";

const STREAMS: readonly StreamName[] = ["stdout", "stderr"];

interface OutputPaneProps {
  run: Evaluation;
  output: RunOutput;
  /** Stored output is still on its way here. */
  reading: boolean;
}

/** What the program wrote: both streams in order of arrival, or one of them. */
export function OutputPane({ run, output, reading }: OutputPaneProps) {
  const [channel, setChannel] = useState<OutputChannel>("all");
  useSyncExternalStore(output.subscribe, output.snapshot);
  const finished = run.status === "finished";
  const [startedLive] = useState(!finished);
  return (
    <div className={classes.pane}>
      <div className={classes.paneHead}>
        <SegmentedControl
          aria-label="Which output"
          value={channel}
          onChange={(value) => {
            setChannel(value);
          }}
          data={[
            { value: "all", label: "Output" },
            { value: "stdout", label: "stdout" },
            { value: "stderr", label: "stderr" },
          ]}
        />
        <div className={classes.paneNotes}>
          {STREAMS.map((stream) => (
            <span key={stream}>
              {finished ? <RawLink run={run} stream={stream} /> : stream}{" "}
              <Bytes count={finished ? run[stream].bytes : output.received(stream)} />
            </span>
          ))}
        </div>
      </div>
      {finished && !reading ? <TruncationNote run={run} output={output} /> : null}
      <OutputRows
        key={channel}
        output={output}
        channel={channel}
        label={`Program output: ${channel}`}
        live={startedLive}
        empty={emptyWords(finished, reading)}
      />
    </div>
  );
}

function emptyWords(finished: boolean, reading: boolean): string {
  if (reading) return "Reading the stored output…";
  return finished ? "The program wrote nothing here." : "Nothing written yet.";
}
