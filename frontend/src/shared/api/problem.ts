export interface FieldProblem {
  field: string;
  message: string;
}

/** What an answer with `application/problem+json` says, for people and for the retry policy. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly retryable: boolean,
    readonly fields: readonly FieldProblem[],
    readonly retryAfterS: number | null,
  ) {
    super(detail === "" ? title : `${title}: ${detail}`);
  }
}

/** The platform could not be reached at all. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** Reads a failed answer; one that is not problem+json (a proxy's page, say) still gets words. */
export async function problemFrom(response: Response): Promise<ProblemError> {
  const body = await readJson(response);
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ProblemError(
    response.status,
    text(body.code, `http_${response.status}`),
    text(body.title, `The server answered ${response.status}`),
    text(body.detail, response.statusText),
    body.retryable === true || [429, 502, 503, 504].includes(response.status),
    fields(body.errors),
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await response.json();
    return isRecord(body) ? body : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" && value !== "" ? value : otherwise;
}

function fields(value: unknown): FieldProblem[] {
  if (!Array.isArray(value)) return [];
  return value
    .filter(isRecord)
    .map((entry) => ({ field: text(entry.field, ""), message: text(entry.message, "") }));
}
