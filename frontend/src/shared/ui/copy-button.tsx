import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";

interface CopyButtonProps {
  text: () => string;
  children: string;
}

/** Copies, and says so in its own place. */
export function CopyButton({ text, children }: CopyButtonProps) {
  const clipboard = useClipboard({ timeout: 1_200 });
  return (
    <Button
      onClick={() => {
        clipboard.copy(text());
      }}
    >
      {clipboard.copied ? "Copied" : clipboard.error ? "Cannot copy" : children}
    </Button>
  );
}
