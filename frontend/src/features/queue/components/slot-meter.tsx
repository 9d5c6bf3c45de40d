import classes from "./queue.module.css";

/** Above this many, single slots would be too small to tell apart. */
const DRAWN_SLOTS = 64;

/** Slots as boxes, the busy ones filled. */
export function SlotMeter({ busy, slots }: { busy: number; slots: number }) {
  return (
    <div className={classes.slots}>
      <span className={classes.slotWords}>
        {busy} of {slots} {slots === 1 ? "slot" : "slots"} busy
      </span>
      {slots > DRAWN_SLOTS ? null : (
        <span className={classes.slotBoxes} aria-hidden>
          {Array.from({ length: slots }, (_, index) => (
            <i key={index} data-busy={index < busy} />
          ))}
        </span>
      )}
    </div>
  );
}
