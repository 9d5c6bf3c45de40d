import { Button, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { runtimesQuery } from "@/shared/api/get-runtimes";
import { STATE_WORDS } from "@/shared/ui/verdict-words";
import { isFiltered, readFilters, VERDICTS } from "../filters";
import { useFilters } from "../hooks/use-filters";
import classes from "./evaluations.module.css";
import { TextFilter } from "./text-filter";

const STATUS_CHOICES = [
  { value: "queued", label: "Queued" },
  { value: "running", label: "Running" },
  { value: "finished", label: "Finished" },
];
const VERDICT_CHOICES = VERDICTS.map((value) => ({ value, label: STATE_WORDS[value].word }));

/** Filters of the list; each change is a new URL. */
export function FilterBar() {
  const { filters, set, clear } = useFilters();
  const runtimes = useQuery(runtimesQuery);
  const names = [...new Set((runtimes.data ?? []).map(({ name }) => name))];
  if (filters.runtime !== undefined && !names.includes(filters.runtime))
    names.push(filters.runtime);

  return (
    <div className={classes.filters} role="search" aria-label="Filter evaluations">
      <Select
        aria-label="Status"
        placeholder="Any status"
        clearable
        data={STATUS_CHOICES}
        value={filters.status ?? null}
        onChange={(status) => {
          set({ status: readFilters({ status }).status });
        }}
      />
      <Select
        aria-label="Verdict"
        placeholder="Any verdict"
        clearable
        data={VERDICT_CHOICES}
        value={filters.verdict ?? null}
        onChange={(verdict) => {
          set({ verdict: readFilters({ verdict }).verdict });
        }}
      />
      <Select
        aria-label="Runtime"
        placeholder="Any runtime"
        clearable
        data={names}
        value={filters.runtime ?? null}
        onChange={(runtime) => {
          set({ runtime: runtime ?? undefined });
        }}
      />
      <TextFilter
        label="Label"
        placeholder="Label key:value"
        value={filters.label ?? ""}
        onChange={(label) => {
          set({ label });
        }}
      />
      <TextFilter
        label="Text in the name"
        placeholder="Text in the name"
        value={filters.name ?? ""}
        onChange={(name) => {
          set({ name });
        }}
      />
      {isFiltered(filters) ? (
        <Button variant="subtle" onClick={clear}>
          Clear
        </Button>
      ) : null}
    </div>
  );
}
