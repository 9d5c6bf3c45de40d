import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { SubmittedProgram } from "@/shared/api/types";
import { curlOf } from "./curl";

test("a shell hands curl exactly the program, quotes and all", () => {
  const source = `print('it''s $HOME "x" \\n')\n`;
  const program = { runtime: "python", files: [{ path: "main.py", content: source }] };
  const command = curlOf(
    { name: "it's", labels: {} },
    program as unknown as SubmittedProgram,
    "http://127.0.0.1:8400",
  );
  const printed = execFileSync("sh", ["-c", `curl() { printf '%s\\0' "$@"; }; ${command}`], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
  });
  const words = printed.split("\0");
  const body: unknown = JSON.parse(words[words.indexOf("--data-raw") + 1] ?? "");
  expect(body).toEqual({ ...program, name: "it's", labels: {} });
  expect(words).not.toContain("Authorization: Bearer ");
});
