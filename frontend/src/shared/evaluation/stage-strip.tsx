import type { Evaluation } from "../api/types";
import { Duration } from "../ui/quantities";
import { useNow } from "../ui/use-now";
import classes from "./evaluation.module.css";
import { stagesOf } from "./stages";

/** From created to stored, with how long each stage took; the open one counts. */
export function StageStrip({ run }: { run: Pick<Evaluation, "timeline" | "status"> }) {
  const stages = stagesOf(run);
  const open = run.status === "finished" ? -1 : stages.findLastIndex(({ at }) => at !== null);
  return (
    <ol className={classes.strip} aria-label="Stages">
      {stages.map((stage, index) => (
        <li
          key={stage.name}
          className={classes.stage}
          data-reached={stage.at !== null}
          data-open={index === open}
          title={stage.at === null ? stage.meaning : `${stage.meaning}\n${stage.at}`}
        >
          <span>{stage.name}</span>
          {index === open && stage.at !== null ? (
            <Elapsed since={stage.at} />
          ) : stage.lasted === null ? null : (
            <Duration ms={stage.lasted} />
          )}
        </li>
      ))}
    </ol>
  );
}

function Elapsed({ since }: { since: string }) {
  const seconds = Math.max(0, Math.floor((useNow() - Date.parse(since)) / 1000));
  return <Duration ms={seconds * 1000} />;
}
