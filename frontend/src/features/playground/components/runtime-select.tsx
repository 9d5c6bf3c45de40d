import { Select } from "@mantine/core";
import type { RuntimeOffer } from "@/shared/api/types";
import { runtimeId } from "../draft";

interface RuntimeSelectProps {
  offers: readonly RuntimeOffer[];
  value: RuntimeOffer | undefined;
  onChange: (offer: RuntimeOffer) => void;
}

/** Every runtime that can be run right now, with its version. */
export function RuntimeSelect({ offers, value, onChange }: RuntimeSelectProps) {
  return (
    <Select
      aria-label="Runtime"
      w={190}
      searchable
      allowDeselect={false}
      placeholder="No runtime offered"
      disabled={offers.length === 0}
      data={offers.map((offer) => ({
        value: runtimeId(offer),
        label: `${offer.name} ${offer.version}`,
      }))}
      value={value === undefined ? null : runtimeId(value)}
      onChange={(id) => {
        const chosen = offers.find((offer) => runtimeId(offer) === id);
        if (chosen !== undefined) onChange(chosen);
      }}
    />
  );
}
