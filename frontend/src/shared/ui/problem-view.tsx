import { Button } from "@mantine/core";
import { ProblemError, UnreachableError } from "../api/problem";
import { KeyForm } from "./key-form";
import classes from "./ui.module.css";

interface ProblemViewProps {
  error: Error;
  onRetry?: (() => unknown) | undefined;
}

/** An error in words, with the fields it names; a missing key is asked for in place. */
export function ProblemView({ error, onRetry }: ProblemViewProps) {
  const { title, detail } = wordsOf(error);
  const problem = error instanceof ProblemError ? error : null;
  const wantsKey = problem?.status === 401;
  return (
    <div role="alert" className={classes.problem}>
      <strong>{title}</strong>
      {detail === "" ? null : <p>{detail}</p>}
      {problem !== null && problem.fields.length > 0 ? (
        <ul>
          {problem.fields.map(({ field, message }) => (
            <li key={`${field} ${message}`}>
              <code>{field}</code> {message}
            </li>
          ))}
        </ul>
      ) : null}
      {wantsKey ? <KeyForm /> : null}
      {onRetry === undefined || problem?.retryable === false ? null : (
        <Button onClick={() => void onRetry()}>Try again</Button>
      )}
    </div>
  );
}

function wordsOf(error: Error): { title: string; detail: string } {
  if (error instanceof ProblemError) return error;
  if (error instanceof UnreachableError) {
    return { title: "Cloche does not answer", detail: "It may be starting, or stopped." };
  }
  return { title: "This page has a defect", detail: error.message };
}
