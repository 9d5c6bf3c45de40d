import type { ExecutorSeen } from "@/shared/api/types";
import { Fact, Facts } from "@/shared/ui/facts";
import { Panel } from "@/shared/ui/panel";
import { Age } from "@/shared/ui/time";
import { Health } from "./health";
import classes from "./queue.module.css";
import { SlotMeter } from "./slot-meter";
import { TierView } from "./tier-view";

/** One executor: what it can run, under which isolation, and how busy it is. */
export function ExecutorPanel({ seen }: { seen: ExecutorSeen }) {
  const { offer } = seen;
  const refused = Object.entries(offer.refused_runtimes ?? {});
  const facts = Object.entries(offer.facts ?? {});
  const state = seen.stale ? "silent" : offer.healthy ? "healthy" : "failing";
  return (
    <Panel title={offer.name} actions={<Health state={state} />}>
      <SlotMeter busy={offer.busy} slots={offer.slots} />
      <Facts>
        <Fact name="Engine, isolation">{`${offer.engine} · ${offer.isolation}`}</Fact>
        {(offer.tiers ?? []).map((tier) => (
          <Fact key={tier.isolation} name={tier.isolation}>
            <TierView tier={tier} />
          </Fact>
        ))}
        <Fact name="Worker">
          {seen.worker}, reported <Age at={seen.seen_at} />
        </Fact>
        <Fact name="Runtimes">
          <ul className={classes.runtimes}>
            {offer.runtimes.map(({ name, version }) => (
              <li key={`${name}@${version}`}>
                {name} <span>{version}</span>
              </li>
            ))}
          </ul>
          {offer.runtimes.length === 0 ? "none passed its self-test" : null}
        </Fact>
        {refused.map(([name, reason]) => (
          <Fact key={name} name={`Not ${name}`}>
            <span className={classes.refused}>{reason}</span>
          </Fact>
        ))}
        {facts.map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
      </Facts>
    </Panel>
  );
}
