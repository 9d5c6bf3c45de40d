// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import type { Evaluation } from "../api/types";
import { evaluationQuery } from "./get-evaluation";

const run = (status: Evaluation["status"]) => ({ id: "1", status }) as Evaluation;

test("an answer from before the verdict that comes behind it does not take it back", async () => {
  const client = new QueryClient();
  const query = evaluationQuery("1");
  let answer: (evaluation: Evaluation) => void = () => undefined;
  const pending = new Promise<Evaluation>((resolve) => {
    answer = resolve;
  });
  const asked = client.query({ ...query, queryFn: () => pending });
  client.setQueryData(query.queryKey, run("finished"));
  answer(run("queued"));
  await asked;
  expect(client.getQueryData(query.queryKey)?.status).toBe("finished");
});

test("what is not finished yet follows each answer", () => {
  const client = new QueryClient();
  const { queryKey } = evaluationQuery("1");
  for (const status of ["queued", "running", "finished"] as const) {
    client.setQueryData(queryKey, run(status));
    expect(client.getQueryData(queryKey)?.status).toBe(status);
  }
});
