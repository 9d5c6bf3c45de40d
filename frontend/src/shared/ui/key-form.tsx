import { Button, PasswordInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { useApiKey, writeApiKey } from "../api/api-key";
import classes from "./ui.module.css";

/** Takes the API key of this browser, or forgets it. */
export function KeyForm({ onDone }: { onDone?: () => void }) {
  const stored = useApiKey();
  const [key, setKey] = useState("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (key.trim() === "") return;
    writeApiKey(key.trim());
    setKey("");
    onDone?.();
  };
  return (
    <form className={classes.keyForm} onSubmit={submit}>
      <PasswordInput
        size="xs"
        label="API key"
        description={
          stored === null
            ? "Kept in this browser; sent to this server only."
            : `This browser holds a key ending in “${stored.slice(-4)}”.`
        }
        autoComplete="off"
        value={key}
        onChange={(event) => {
          setKey(event.currentTarget.value);
        }}
      />
      <div className={classes.actions}>
        <Button type="submit" variant="filled" disabled={key.trim() === ""}>
          Use this key
        </Button>
        {stored === null ? null : (
          <Button
            onClick={() => {
              writeApiKey(null);
              onDone?.();
            }}
          >
            Forget the key
          </Button>
        )}
      </div>
    </form>
  );
}
