/** `/?from=<evaluation id>` opens that evaluation's program as a draft. */
export interface PlaygroundSearch {
  from?: string;
}

export function readPlaygroundSearch(search: Record<string, unknown>): PlaygroundSearch {
  const { from } = search;
  return typeof from === "string" && /^[0-9a-f-]{36}$/i.test(from) ? { from } : {};
}
