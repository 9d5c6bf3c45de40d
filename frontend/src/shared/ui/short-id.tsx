import classes from "./ui.module.css";

/** The end of an id: of a UUIDv7, the part that differs between neighbours. Whole on hover. */
export function ShortId({ id }: { id: string }) {
  return (
    <code className={classes.id} title={id}>
      {id.slice(-8)}
    </code>
  );
}
