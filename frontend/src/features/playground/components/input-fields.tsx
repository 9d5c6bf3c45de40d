import { Tabs, Textarea, TextInput } from "@mantine/core";
import type { Draft } from "../draft";
import { IsolationFields } from "./isolation-fields";
import { LimitFields } from "./limit-fields";
import classes from "./playground.module.css";

interface InputFieldsProps {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
}

/** What the program gets besides its source: input, arguments, limits, isolation. */
export function InputFields({ draft, onChange }: InputFieldsProps) {
  const changed = Object.keys(draft.limits).length;
  return (
    <Tabs defaultValue="stdin" className={classes.inputs} keepMounted={false}>
      <Tabs.List>
        <Tabs.Tab value="stdin">
          stdin{draft.stdin === "" ? "" : ` · ${lines(draft.stdin)}`}
        </Tabs.Tab>
        <Tabs.Tab value="args">Arguments{draft.args === "" ? "" : " · set"}</Tabs.Tab>
        <Tabs.Tab value="limits">Limits{changed === 0 ? "" : ` · ${changed} set`}</Tabs.Tab>
        <Tabs.Tab value="isolation">Isolation{isolated(draft)}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="stdin">
        <Textarea
          aria-label="Standard input"
          placeholder="What the program reads from its standard input"
          classNames={{
            root: classes.stdin ?? "",
            wrapper: classes.stdinBox ?? "",
            input: classes.mono ?? "",
          }}
          variant="unstyled"
          value={draft.stdin}
          onChange={(event) => {
            onChange({ stdin: event.currentTarget.value });
          }}
        />
      </Tabs.Panel>
      <Tabs.Panel value="args">
        <div className={classes.args}>
          <TextInput
            label="Arguments"
            description="Separated by spaces; quotes keep words together."
            classNames={{ input: classes.mono ?? "" }}
            placeholder={'--depth 3 "two words"'}
            value={draft.args}
            onChange={(event) => {
              onChange({ args: event.currentTarget.value });
            }}
          />
        </div>
      </Tabs.Panel>
      <Tabs.Panel value="limits">
        <LimitFields
          limits={draft.limits}
          onChange={(limits) => {
            onChange({ limits });
          }}
        />
      </Tabs.Panel>
      <Tabs.Panel value="isolation">
        <IsolationFields draft={draft} onChange={onChange} />
      </Tabs.Panel>
    </Tabs>
  );
}

function isolated({ isolation, network }: Draft): string {
  const words = [isolation, network === "none" ? null : network].filter((word) => word !== null);
  return words.map((word) => ` · ${word}`).join("");
}

function lines(text: string): string {
  const count = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  return `${count} ${count === 1 ? "line" : "lines"}`;
}
