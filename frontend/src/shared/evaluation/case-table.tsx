import type { CaseView } from "../api/types";
import { Bytes, Duration } from "../ui/quantities";
import { TableFrame } from "../ui/table-frame";
import { Verdict } from "../ui/verdict";
import { Panel } from "../ui/panel";
import classes from "./evaluation.module.css";

interface CaseTableProps {
  cases: readonly CaseView[];
  /** How many were submitted; those without a row yet still run or wait. */
  total: number;
  finished: boolean;
}

/** One row per case, in order; a case without verdict is named as skipped or waiting. */
export function CaseTable({ cases, total, finished }: CaseTableProps) {
  const passed = cases.filter(({ verdict }) => verdict === "accepted").length;
  return (
    <Panel title={`Cases: ${passed} of ${total} accepted`}>
      <TableFrame label="Cases">
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">Case</th>
            <th scope="col">Verdict</th>
            <th scope="col" data-right>
              Wall
            </th>
            <th scope="col" data-right>
              Memory
            </th>
            <th scope="col">Message</th>
          </tr>
        </thead>
        <tbody>
          {cases.map((one) => (
            <CaseRow key={one.index} one={one} finished={finished} />
          ))}
        </tbody>
      </TableFrame>
    </Panel>
  );
}

function CaseRow({ one, finished }: { one: CaseView; finished: boolean }) {
  const decided = one.verdict !== null;
  return (
    <tr id={`case-${one.index}`}>
      <td>{one.index + 1}</td>
      <td>{one.name}</td>
      <td>
        {one.verdict === null ? finished ? "Skipped" : "Waiting" : <Verdict state={one.verdict} />}
      </td>
      <td data-right>
        <Duration ms={decided ? one.wall_time_ms : null} />
      </td>
      <td data-right>
        <Bytes count={decided ? one.peak_memory_bytes : null} />
      </td>
      <td className={classes.caseMessage} title={one.message}>
        {one.message}
      </td>
    </tr>
  );
}
