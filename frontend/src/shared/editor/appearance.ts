import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const highlight = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: "var(--c-code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--c-code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--c-code-number)" },
  { tag: [tags.comment, tags.meta], color: "var(--c-code-comment)" },
  {
    tag: [tags.definition(tags.variableName), tags.function(tags.variableName)],
    color: "var(--c-code-name)",
  },
  { tag: [tags.typeName, tags.className, tags.standard(tags.name)], color: "var(--c-code-type)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", color: "var(--c-text)", backgroundColor: "var(--c-surface)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--mantine-font-family-monospace)",
    fontSize: "13px",
    lineHeight: "20px",
    fontVariantLigatures: "none",
  },
  ".cm-content": { padding: "8px 0", caretColor: "var(--c-text)" },
  ".cm-cursor": { borderLeftColor: "var(--c-text)", borderLeftWidth: "2px" },
  ".cm-gutters": {
    backgroundColor: "var(--c-surface)",
    color: "var(--c-faint)",
    border: "none",
    paddingLeft: "6px",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine, &.cm-focused .cm-activeLineGutter": {
    backgroundColor: "var(--c-code-line)",
  },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--c-code-selection)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--c-code-selection)",
    outline: "1px solid var(--c-line-strong)",
  },
  ".cm-panels": { backgroundColor: "var(--c-raised)", color: "var(--c-text)" },
  ".cm-tooltip": {
    backgroundColor: "var(--c-raised)",
    border: "1px solid var(--c-line)",
    color: "var(--c-text)",
  },
  ".cm-searchMatch": { backgroundColor: "var(--c-warn-soft)" },
});

export const appearance = [look, syntaxHighlighting(highlight)];
