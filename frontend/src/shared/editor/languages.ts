import { StreamLanguage, type LanguageSupport } from "@codemirror/language";
import type { Extension } from "@codemirror/state";

type Load = () => Promise<LanguageSupport | Extension>;

/** By the `highlight` word of a runtime; each grammar is its own file, loaded when it is needed. */
const LOADERS: Readonly<Record<string, Load>> = {
  python: async () => (await import("@codemirror/lang-python")).python(),
  javascript: async () => (await import("@codemirror/lang-javascript")).javascript(),
  typescript: async () =>
    (await import("@codemirror/lang-javascript")).javascript({ typescript: true }),
  c: async () => (await import("@codemirror/lang-cpp")).cpp(),
  cpp: async () => (await import("@codemirror/lang-cpp")).cpp(),
  rust: async () => (await import("@codemirror/lang-rust")).rust(),
  go: async () => (await import("@codemirror/lang-go")).go(),
  java: async () => (await import("@codemirror/lang-java")).java(),
  php: async () => (await import("@codemirror/lang-php")).php({ plain: false }),
  sql: async () => (await import("@codemirror/lang-sql")).sql(),
  shell: async () =>
    StreamLanguage.define((await import("@codemirror/legacy-modes/mode/shell")).shell),
  ruby: async () =>
    StreamLanguage.define((await import("@codemirror/legacy-modes/mode/ruby")).ruby),
  perl: async () =>
    StreamLanguage.define((await import("@codemirror/legacy-modes/mode/perl")).perl),
  lua: async () => StreamLanguage.define((await import("@codemirror/legacy-modes/mode/lua")).lua),
};

const ALIASES: Readonly<Record<string, string>> = { bash: "shell", sh: "shell", "c++": "cpp" };

/** The grammar for a runtime's `highlight`, or none for plain text. */
export async function languageFor(highlight: string): Promise<Extension> {
  const load = LOADERS[ALIASES[highlight] ?? highlight];
  return load === undefined ? [] : load();
}
