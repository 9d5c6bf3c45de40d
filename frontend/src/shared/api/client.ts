import createClient, { type Middleware } from "openapi-fetch";
import { authorization } from "./api-key";
import { problemFrom, UnreachableError } from "./problem";
import type { paths as QueuePaths } from "./queue-schema";
import type { paths } from "./schema";

/** Every request carries the key; every failed answer becomes an error with words. */
const conventions: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(authorization())) request.headers.set(name, value);
  },
  async onResponse({ response }) {
    if (!response.ok) throw await problemFrom(response);
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return error;
    return new UnreachableError("The platform did not answer.", { cause: error });
  },
};

const options = { baseUrl: window.location.origin, headers: { Accept: "application/json" } };

export const api = createClient<paths>(options);
export const queueApi = createClient<QueuePaths>(options);
api.use(conventions);
queueApi.use(conventions);

/** The body of an answer; failed ones have thrown before. */
export function bodyOf<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw new UnreachableError("The answer has no body.");
  return answer.data;
}
