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
  const [typed, setTyped] = useState({ text: value, base: value });
  // The URL changed under the field (back, clear, a link): it shows what holds now.
  const text = typed.base === value ? typed.text : value;
  const settle = useDebouncedCallback(onChange, 350);
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setTyped({ text: next, base: value });
        settle(next.trim());
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") onChange(text.trim());
      }}
    />
  );
}
