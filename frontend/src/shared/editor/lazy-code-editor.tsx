import { lazy, Suspense } from "react";
import { Waiting } from "../ui/waiting";
import type { CodeEditorProps } from "./code-editor";

const CodeEditor = lazy(() => import("./code-editor"));

/** The editor, loaded after the page around it. */
export function LazyCodeEditor(props: CodeEditorProps) {
  return (
    <Suspense fallback={<Waiting rows={10} />}>
      <CodeEditor {...props} />
    </Suspense>
  );
}
