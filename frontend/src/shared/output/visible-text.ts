// The C0 and C1 controls but tab, and the characters that reorder or hide text.

const UNSEEN =
  // eslint-disable-next-line no-control-regex -- (finding controls is what this is for)
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Text in which every control has a visible sign, so that a program can't hide what it wrote. */
export function visibleText(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `\u27e8${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}
