import { Button } from "@mantine/core";
import type { RuntimeOffer } from "@/shared/api/types";
import { LazyCodeEditor } from "@/shared/editor/lazy-code-editor";
import { Panel } from "@/shared/ui/panel";
import { exampleFor } from "../examples";
import type { Playground } from "../hooks/use-playground";
import { InputFields } from "./input-fields";
import classes from "./playground.module.css";
import { RuntimeSelect } from "./runtime-select";

const RUN_KEYS = navigator.userAgent.includes("Mac OS") ? "⌘↵" : "Ctrl ↵";

interface EditorPanelProps {
  playground: Playground;
  offers: readonly RuntimeOffer[] | undefined;
}

/** The program and what it is given, with the button that runs it. */
export function EditorPanel({ playground, offers = [] }: EditorPanelProps) {
  const { draft, change, offer, choose, run, submitting } = playground;
  const example = offer === undefined ? null : exampleFor(offer.name);
  return (
    <Panel
      className={classes.editor}
      title={offer?.source_file ?? "Program"}
      actions={
        <>
          {example === null || example.source === draft.source ? null : (
            <Button
              variant="subtle"
              onClick={() => {
                change(example);
              }}
            >
              Example
            </Button>
          )}
          <RuntimeSelect offers={offers} value={offer} onChange={choose} />
          <Button
            variant="filled"
            disabled={offer === undefined || draft.source.trim() === "" || submitting}
            onClick={run}
            rightSection={<kbd className={classes.keys}>{RUN_KEYS}</kbd>}
          >
            Run
          </Button>
        </>
      }
    >
      <div className={classes.code}>
        <LazyCodeEditor
          label="Program source; Escape then Tab leaves the editor"
          value={draft.source}
          highlight={offer?.highlight ?? "text"}
          onChange={(source) => {
            change({ source });
          }}
        />
      </div>
      <InputFields draft={draft} onChange={change} />
    </Panel>
  );
}
