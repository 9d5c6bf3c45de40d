import { ActionIcon, Popover } from "@mantine/core";
import { useState } from "react";
import { useApiKey } from "@/shared/api/api-key";
import { KeyForm } from "@/shared/ui/key-form";
import { Icon, keyDrawing } from "./icons";
import classes from "./shell.module.css";

/** Where this browser's API key is entered and forgotten. */
export function KeyMenu() {
  const [opened, setOpened] = useState(false);
  const held = useApiKey() !== null;
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      trapFocus
      transitionProps={{ duration: 0 }}
    >
      <Popover.Target>
        <ActionIcon
          aria-label={held ? "API key: set" : "API key: none"}
          title={held ? "API key: set" : "API key: none"}
          variant={held ? "light" : "subtle"}
          color={held ? "blue" : "gray"}
          onClick={() => {
            setOpened((old) => !old);
          }}
        >
          <Icon>{keyDrawing}</Icon>
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <div className={classes.keyPanel}>
          <KeyForm
            onDone={() => {
              setOpened(false);
            }}
          />
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
