import { Link } from "@tanstack/react-router";
import type { Evaluation } from "@/shared/api/types";
import { formatBytes } from "@/shared/text/bytes";
import { formatLimit } from "@/shared/text/evidence";
import { Fact, Facts } from "@/shared/ui/facts";
import { Panel } from "@/shared/ui/panel";
import { ShortId } from "@/shared/ui/short-id";
import { Moment } from "@/shared/ui/time";
import { WordList } from "@/shared/ui/word-list";
import { Labels } from "./labels";

interface RecordPanelProps {
  run: Evaluation;
  executor: string | null;
}

/** Where and under what the program ran, and which limits it had. */
export function RecordPanel({ run, executor }: RecordPanelProps) {
  const { program } = run;
  return (
    <Panel title="Record">
      <Facts>
        <Fact name="Id">
          <code>{run.id}</code>
        </Fact>
        <Fact name="Runtime">{run.runtime}</Fact>
        <Place run={run} executor={executor} />
        <Fact name="Attempts">{run.attempts}</Fact>
        <Fact name="Created">
          <Moment at={run.timeline.created_at} />
        </Fact>
        {run.rerun_of === null ? null : (
          <Fact name="Rerun of">
            <Link to="/evaluations/$id" params={{ id: run.rerun_of }}>
              <ShortId id={run.rerun_of} />
            </Link>
          </Fact>
        )}
        {Object.keys(run.labels).length === 0 ? null : (
          <Fact name="Labels">
            <Labels labels={run.labels} />
          </Fact>
        )}
        {program === null || program.args.length === 0 ? null : (
          <Fact name="Arguments">
            <code>{program.args.map((arg) => JSON.stringify(arg)).join(" ")}</code>
          </Fact>
        )}
        {program === null || Object.keys(program.env).length === 0 ? null : (
          <Fact name="Environment">
            {Object.entries(program.env).map(([name, value]) => (
              <div key={name}>
                <code>{`${name}=${value}`}</code>
              </div>
            ))}
          </Fact>
        )}
        {program === null ? null : <Fact name="Limits">{limitsLine(program.limits)}</Fact>}
      </Facts>
    </Panel>
  );
}

/** Where it ran, and what held it in there. */
function Place({ run, executor }: RecordPanelProps) {
  const where = [run.engine, run.isolation].filter((word) => word !== null).join(" · ");
  const network = run.program?.network ?? "none";
  return (
    <>
      <Fact name="Engine, isolation">{where === "" ? "–" : where}</Fact>
      {run.isolation_features.length === 0 ? null : (
        <Fact name="Held in by">
          <WordList words={run.isolation_features} />
        </Fact>
      )}
      {network === "none" ? null : <Fact name="Network">{network}</Fact>}
      {executor === null ? null : <Fact name="Executor">{executor}</Fact>}
    </>
  );
}

function limitsLine(limits: NonNullable<Evaluation["program"]>["limits"]): string {
  return [
    `wall ${formatLimit("wall_time_s", limits.wall_time_s)}`,
    `CPU ${formatLimit("cpu_time_s", limits.cpu_time_s)}`,
    `memory ${formatBytes(limits.memory_bytes)}`,
    `${limits.processes} processes`,
    `output ${formatBytes(limits.output_bytes)} each`,
    `disk ${formatBytes(limits.disk_bytes)}`,
  ].join(" · ");
}
