import { Link, useNavigate } from "@tanstack/react-router";
import type { EvaluationSummary } from "@/shared/api/types";
import { Bytes, Duration } from "@/shared/ui/quantities";
import { ShortId } from "@/shared/ui/short-id";
import { Age } from "@/shared/ui/time";
import { TableFrame } from "@/shared/ui/table-frame";
import { Verdict } from "@/shared/ui/verdict";
import { stateOf } from "@/shared/ui/verdict-words";
import classes from "./evaluations.module.css";
import { Labels } from "./labels";

/** One row an evaluation; the whole row leads to it, its link is what the keyboard reaches. */
export function EvaluationTable({ rows }: { rows: readonly EvaluationSummary[] }) {
  return (
    <TableFrame label="Evaluations">
      <thead>
        <tr>
          <th scope="col">Verdict</th>
          <th scope="col">Evaluation</th>
          <th scope="col">Runtime</th>
          <th scope="col">Labels</th>
          <th scope="col" data-right>
            Wall
          </th>
          <th scope="col" data-right>
            CPU
          </th>
          <th scope="col" data-right>
            Memory
          </th>
          <th scope="col" data-right>
            Created
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <EvaluationRow key={row.id} row={row} />
        ))}
      </tbody>
    </TableFrame>
  );
}

function EvaluationRow({ row }: { row: EvaluationSummary }) {
  const navigate = useNavigate();
  return (
    <tr
      className={classes.row}
      onClick={(event) => {
        // Links in the row go their own way; selecting text is not a click.
        if ((event.target as Element).closest("a") !== null) return;
        if (window.getSelection()?.isCollapsed === false) return;
        void navigate({ to: "/evaluations/$id", params: { id: row.id } });
      }}
    >
      <td title={row.message}>
        <Verdict state={stateOf(row)} />
      </td>
      <td>
        <Link to="/evaluations/$id" params={{ id: row.id }} className={classes.name}>
          {row.name === "" ? null : <span>{row.name}</span>}
          <ShortId id={row.id} />
        </Link>
      </td>
      <td>{row.runtime}</td>
      <td>
        <Labels labels={row.labels} />
      </td>
      <td data-right>
        <Duration ms={row.wall_time_ms} />
      </td>
      <td data-right>
        <Duration ms={row.cpu_time_ms} />
      </td>
      <td data-right>
        <Bytes count={row.peak_memory_bytes} />
      </td>
      <td data-right>
        <Age at={row.timeline.created_at} />
      </td>
    </tr>
  );
}
