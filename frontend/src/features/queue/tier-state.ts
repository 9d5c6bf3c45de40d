import type { TierOffer } from "@/shared/api/types";

export type TierState = "holds" | "broken" | "failing" | "untested";

/** How an isolation stands: a broken defence first, then whether it was tested at all. */
export function tierState(tier: TierOffer): TierState {
  if ((tier.broken ?? []).length > 0) return "broken";
  if (tier.healthy) return "holds";
  return tier.tested_at == null ? "untested" : "failing";
}

/** How many hostile programs of the self-test were held, as words. */
export function heldWords(tier: TierOffer): string {
  const tried = tier.held + (tier.broken ?? []).length;
  return tried === 0 ? "" : `${tier.held} of ${tried} hostile programs held`;
}

/** The one below the default, which the API names so in a result, too (contracts/words.py). */
export function tierNote(tier: TierOffer): string | null {
  return tier.isolation === "process" ? "weaker than a namespace cell" : null;
}
