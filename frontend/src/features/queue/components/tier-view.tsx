import type { TierOffer } from "@/shared/api/types";
import { WordList } from "@/shared/ui/word-list";
import { Age } from "@/shared/ui/time";
import { heldWords, tierNote, tierState } from "../tier-state";
import { Health } from "./health";
import classes from "./queue.module.css";

/** One isolation of an executor: whether it holds, what broke, what it is made of, what is lacking. */
export function TierView({ tier }: { tier: TierOffer }) {
  const note = tierNote(tier);
  const held = heldWords(tier);
  return (
    <div className={classes.tier}>
      <p>
        <Health state={tierState(tier)} />
        {note === null ? null : <span className={classes.refused}>{note}</span>}
        <span className={classes.tested}>
          {held}
          {tier.tested_at == null ? null : (
            <>
              {held === "" ? "tested " : ", tested "}
              <Age at={tier.tested_at} />
            </>
          )}
        </span>
      </p>
      {(tier.broken ?? []).map(({ name, message }) => (
        <p key={name} className={classes.broken}>
          <code>{name}</code> {message}
        </p>
      ))}
      <WordList words={tier.features ?? []} />
      {(tier.lacking ?? []).map((sentence) => (
        <p key={sentence} className={classes.refused}>
          {sentence}
        </p>
      ))}
    </div>
  );
}
