import { Compartment, EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useEffect, useEffectEvent, useRef } from "react";
import classes from "./editor.module.css";
import { languageFor } from "./languages";
import { editorSetup } from "./setup";

export interface CodeEditorProps {
  value: string;
  highlight: string;
  label: string;
  /** Without it the editor is read-only. */
  onChange?: (value: string) => void;
}

/**
 * CodeMirror in a shadow root: there it uses constructed style sheets, which a Content Security
 * Policy without `unsafe-inline` allows.
 */
export default function CodeEditor({ value, highlight, label, onChange }: CodeEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const language = useRef(new Compartment());
  const readOnly = onChange === undefined;
  const change = useEffectEvent((text: string) => onChange?.(text));
  const startingText = useEffectEvent(() => value);

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const editor = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: startingText(),
        extensions: [
          editorSetup({ label, readOnly }),
          language.current.of([]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) change(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, [label, readOnly]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value, label, readOnly]);

  useEffect(() => {
    let current = true;
    void languageFor(highlight).then((support) => {
      if (current) view.current?.dispatch({ effects: language.current.reconfigure(support) });
    });
    return () => {
      current = false;
    };
  }, [highlight, label, readOnly]);

  return <div ref={host} className={classes.host} />;
}
