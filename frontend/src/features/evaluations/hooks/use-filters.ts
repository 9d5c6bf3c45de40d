import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Filters } from "../filters";

/** The list's filters live in the URL and nowhere else. */
export function useFilters() {
  const filters = useSearch({ from: "/evaluations" });
  const navigate = useNavigate({ from: "/evaluations" });

  /** Sets some filters (undefined clears one) and goes back to the newest page. */
  const set = (part: { [Key in keyof Filters]: Filters[Key] | undefined }) => {
    void navigate({ search: withoutEmpty({ ...filters, cursor: undefined, ...part }) });
  };
  const clear = () => {
    void navigate({ search: {} });
  };
  return { filters, set, clear };
}

function withoutEmpty(filters: { [Key in keyof Filters]: Filters[Key] | undefined }): Filters {
  return Object.fromEntries(
    Object.entries(filters).filter(([, value]) => value !== undefined && value !== ""),
  );
}
