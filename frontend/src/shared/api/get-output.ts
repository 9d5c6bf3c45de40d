import { authorization } from "./api-key";
import { problemFrom } from "./problem";
import type { StreamName } from "./types";

/** `GET /api/v1/evaluations/{id}/output/{stream}` as a path. */
export function outputPath(id: string, stream: StreamName): string {
  return `/api/v1/evaluations/${encodeURIComponent(id)}/output/${stream}`;
}

/** All stored bytes of a stream. A plain link could not send the key. Raises ProblemError. */
export async function fetchOutput(id: string, stream: StreamName): Promise<Blob> {
  const response = await fetch(outputPath(id, stream), { headers: authorization() });
  if (!response.ok) throw await problemFrom(response);
  return response.blob();
}
