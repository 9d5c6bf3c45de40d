import { Link } from "@tanstack/react-router";
import { ProblemView } from "@/shared/ui/problem-view";
import classes from "./shell.module.css";

export function NotFoundPage() {
  return (
    <div className={classes.lost}>
      <h1>There is no such page</h1>
      <p>
        Go to the <Link to="/">playground</Link> or the <Link to="/evaluations">evaluations</Link>.
      </p>
    </div>
  );
}

export function DefectPage({ error }: { error: unknown }) {
  return (
    <div className={classes.lost}>
      <ProblemView
        error={error instanceof Error ? error : new Error(String(error))}
        onRetry={() => {
          window.location.reload();
        }}
      />
    </div>
  );
}
