import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { runtimesQuery } from "@/shared/api/get-runtimes";
import type { SubmittedProgram } from "@/shared/api/types";
import { LazyCodeEditor } from "@/shared/editor/lazy-code-editor";
import { visibleText } from "@/shared/output/visible-text";
import { Panel } from "@/shared/ui/panel";
import classes from "./evaluations.module.css";

/** The program's files and what it was given. */
export function ProgramPanels({ program }: { program: SubmittedProgram }) {
  const [path, setPath] = useState(program.entrypoint);
  return (
    <>
      <Panel
        title={`Program: ${path}`}
        className={classes.program}
        actions={
          program.files.length > 1 ? (
            <SegmentedControl
              aria-label="File"
              data={program.files.map((one) => one.path)}
              value={path}
              onChange={setPath}
            />
          ) : null
        }
      >
        <Source program={program} path={path} />
      </Panel>
      {program.stdin === "" ? null : (
        <Panel title="stdin">
          <pre className={classes.input} tabIndex={0} aria-label="Standard input">
            {program.stdin.split("\n").map(visibleText).join("\n")}
          </pre>
        </Panel>
      )}
    </>
  );
}

function Source({ program, path }: { program: SubmittedProgram; path: string }) {
  const runtimes = useQuery(runtimesQuery);
  const [name = "text"] = program.runtime.split("@");
  const highlight = runtimes.data?.find((offer) => offer.name === name)?.highlight ?? name;
  const file = program.files.find((one) => one.path === path);
  const label = "Program source, read-only";
  if (file === undefined || file.encoding === "base64") {
    return <LazyCodeEditor label={label} value="(not text)" highlight="text" />;
  }
  return <LazyCodeEditor label={label} value={file.content} highlight={highlight} />;
}
