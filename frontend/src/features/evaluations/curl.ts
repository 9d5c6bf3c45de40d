import type { Evaluation, SubmittedProgram } from "@/shared/api/types";

/** A shell command that submits the same program again; the key comes from the environment. */
export function curlOf(
  run: Pick<Evaluation, "name" | "labels">,
  program: SubmittedProgram,
  origin: string,
): string {
  const body = JSON.stringify({ ...program, name: run.name, labels: run.labels });
  return [
    `curl -sS ${quote(`${origin}/api/v1/evaluations?wait=30`)}`,
    `  -H 'Content-Type: application/json'`,
    `  \${CLOCHE_API_KEY:+-H "Authorization: Bearer $CLOCHE_API_KEY"}`,
    `  --data-raw ${quote(body)}`,
  ].join(" \\\n");
}

/** One shell word, whatever is in it. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
