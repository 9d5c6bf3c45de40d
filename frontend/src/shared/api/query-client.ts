import { QueryClient } from "@tanstack/react-query";
import { onApiKeyChange } from "./api-key";
import { ProblemError } from "./problem";

const MAX_RETRIES = 3;

/** The one retry policy: what a repeat can cure, at most three times. */
export function shouldRetry(failures: number, error: Error): boolean {
  if (failures >= MAX_RETRIES) return false;
  return error instanceof ProblemError ? error.retryable : true;
}

/** As long as the server asks, else 0.5, 1, 2 s. */
export function retryDelayMs(failures: number, error: Error): number {
  if (error instanceof ProblemError && error.retryAfterS !== null) return error.retryAfterS * 1000;
  return 500 * 2 ** failures;
}

/** The one QueryClient; a new key starts from nothing, because answers belong to a tenant. */
export function makeQueryClient(): QueryClient {
  const client = new QueryClient({
    defaultOptions: {
      queries: { retry: shouldRetry, retryDelay: retryDelayMs, staleTime: 5_000 },
    },
  });
  onApiKeyChange(() => void client.resetQueries());
  return client;
}
