import { useMutation } from "@tanstack/react-query";
import type { MouseEvent } from "react";
import { readApiKey } from "../api/api-key";
import { fetchOutput, outputPath } from "../api/get-output";
import type { Evaluation, StreamName } from "../api/types";

interface RawLinkProps {
  run: Pick<Evaluation, "id">;
  stream: StreamName;
}

/** Downloads a stream's stored bytes; a real link, so that it can be copied and opened aside. */
export function RawLink({ run, stream }: RawLinkProps) {
  const name = `${run.id}.${stream}.txt`;
  const download = useMutation({
    mutationFn: () => fetchOutput(run.id, stream),
    onSuccess: (bytes) => {
      save(bytes, name);
    },
  });
  const withKey = (event: MouseEvent) => {
    if (readApiKey() === null) return;
    event.preventDefault();
    download.mutate();
  };
  return (
    <a
      href={outputPath(run.id, stream)}
      download={name}
      onClick={withKey}
      title={`Download ${stream} raw`}
    >
      {download.isError ? `${stream} (failed)` : `${stream} ↓`}
    </a>
  );
}

function save(bytes: Blob, name: string): void {
  const url = URL.createObjectURL(bytes);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
