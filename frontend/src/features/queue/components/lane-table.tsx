import type { LaneView } from "@/shared/api/types";
import { Panel } from "@/shared/ui/panel";
import { Duration } from "@/shared/ui/quantities";
import { TableFrame } from "@/shared/ui/table-frame";

/** Depth of each lane, and whether it gives out work. */
export function LaneTable({ lanes }: { lanes: readonly LaneView[] }) {
  return (
    <Panel title="Lanes">
      <TableFrame label="Lanes">
        <thead>
          <tr>
            <th scope="col">Lane</th>
            <th scope="col">State</th>
            <th scope="col" data-right>
              Waiting
            </th>
            <th scope="col" data-right>
              Running
            </th>
            <th scope="col" data-right>
              Oldest waits
            </th>
          </tr>
        </thead>
        <tbody>
          {lanes.map((lane) => (
            <tr key={lane.lane}>
              <td>{lane.lane}</td>
              <td>{lane.paused ? "Ⅱ paused" : "▸ open"}</td>
              <td data-right>{lane.queued}</td>
              <td data-right>{lane.running}</td>
              <td data-right>
                <Duration ms={lane.oldest_age_s === null ? null : lane.oldest_age_s * 1000} />
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </Panel>
  );
}
