import { Select } from "@mantine/core";
import type { Isolation, Network } from "@/shared/api/types";
import type { Draft } from "../draft";
import classes from "./playground.module.css";

const SERVERS_DEFAULT = "default";
const LEVELS: readonly { value: Isolation; label: string }[] = [
  { value: "process", label: "process (weaker)" },
  { value: "namespace", label: "namespace" },
  { value: "container", label: "container" },
  { value: "gvisor", label: "gvisor" },
  { value: "vm", label: "vm" },
];
const NETWORKS: readonly { value: Network; label: string }[] = [
  { value: "none", label: "none" },
  { value: "loopback", label: "loopback" },
];

interface IsolationFieldsProps {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
}

/** The least isolation that will do, and whether the cell has a loopback interface of its own. */
export function IsolationFields({ draft, onChange }: IsolationFieldsProps) {
  return (
    <div className={classes.limits}>
      <Select
        label="Isolation, at least"
        allowDeselect={false}
        data={[{ value: SERVERS_DEFAULT, label: "the server's default" }, ...LEVELS]}
        value={draft.isolation ?? SERVERS_DEFAULT}
        onChange={(chosen) => {
          onChange({ isolation: LEVELS.find(({ value }) => value === chosen)?.value ?? null });
        }}
      />
      <Select
        label="Network"
        allowDeselect={false}
        data={[...NETWORKS]}
        value={draft.network}
        onChange={(chosen) => {
          onChange({ network: NETWORKS.find(({ value }) => value === chosen)?.value ?? "none" });
        }}
      />
    </div>
  );
}
