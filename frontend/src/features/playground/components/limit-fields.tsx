import { NumberInput } from "@mantine/core";
import { type DraftLimits, LIMIT_FIELDS, withLimit } from "../limits";
import classes from "./playground.module.css";

interface LimitFieldsProps {
  limits: DraftLimits;
  onChange: (limits: DraftLimits) => void;
}

/** Limits; an empty field keeps the default that it shows. */
export function LimitFields({ limits, onChange }: LimitFieldsProps) {
  return (
    <div className={classes.limits}>
      {LIMIT_FIELDS.map(({ key, label, unit, suffix, standard }) => {
        const value = limits[key];
        return (
          <NumberInput
            key={key}
            label={label}
            placeholder={`${standard / unit}${suffix}`}
            suffix={suffix}
            min={0}
            value={value === undefined ? "" : value / unit}
            onChange={(next) => {
              const set = typeof next === "number" ? next * unit : undefined;
              onChange(
                withLimit(limits, key, unit === 1 || set === undefined ? set : Math.round(set)),
              );
            }}
          />
        );
      })}
    </div>
  );
}
