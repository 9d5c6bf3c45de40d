import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";

interface TextFilterProps {
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
}

/** A text that becomes a filter when typing rests, or at once on Enter. */
export function TextFilter({ label, placeholder, value, onChange }: TextFilterProps) {
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  const [sent, setSent] = useState(value);
  if (value !== seen) {
    setSeen(value);
    // The URL changed under the field (back, clear, a link): it shows what holds now.
    if (value !== sent) {
      setText(value);
      setSent(value);
    }
  }
  const send = (next: string) => {
    setSent(next);
    onChange(next);
  };
  const settle = useDebouncedCallback(send, 350);
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        settle(next.trim());
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") send(text.trim());
      }}
    />
  );
}
