import { useQuery } from "@tanstack/react-query";
import { ProblemView } from "@/shared/ui/problem-view";
import { Panel } from "@/shared/ui/panel";
import { useTitle } from "@/shared/ui/use-title";
import { Waiting } from "@/shared/ui/waiting";
import { evaluationsQuery } from "../api/get-evaluations";
import { useFilters } from "../hooks/use-filters";
import { useHeldRows } from "../hooks/use-held-rows";
import { EmptyList } from "./empty-list";
import { EvaluationTable } from "./evaluation-table";
import classes from "./evaluations.module.css";
import { FilterBar } from "./filter-bar";
import { Pager } from "./pager";

/** All evaluations, newest first, live. */
export function ListPage() {
  useTitle("Evaluations");
  const { filters, clear } = useFilters();
  const page = useQuery(evaluationsQuery(filters));
  const held = useHeldRows(page.data?.items, JSON.stringify(filters));

  return (
    <div className={classes.page}>
      <div className={classes.top}>
        <h1 className={classes.title}>Evaluations</h1>
        <FilterBar />
      </div>
      {page.error === null ? null : <ProblemView error={page.error} onRetry={page.refetch} />}
      {held.rows === undefined ? (
        page.error === null ? (
          <Panel title="Newest first">
            <Waiting rows={12} />
          </Panel>
        ) : null
      ) : (
        <Panel
          title={filters.cursor === undefined ? "Newest first" : "Older"}
          className={page.isPlaceholderData ? classes.stale : undefined}
          actions={<Pager filters={filters} next={page.data?.next ?? null} />}
        >
          <div {...held.pointer}>
            {held.waiting === 0 ? null : (
              <button type="button" className={classes.more} onClick={held.release}>
                {held.waiting} new {held.waiting === 1 ? "evaluation" : "evaluations"}: show
              </button>
            )}
            {held.rows.length === 0 ? (
              <EmptyList filters={filters} onClear={clear} />
            ) : (
              <EvaluationTable rows={held.rows} />
            )}
          </div>
        </Panel>
      )}
    </div>
  );
}
