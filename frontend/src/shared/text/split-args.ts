// An unquoted run, a backslash with its character, or a quoted part with its end (or without).
const PART = /\\([\s\S]?)|'([^']*)('?)|"((?:\\[\s\S]|[^"\\])*)("?)|([^\s\\'"]+)|\s+/g;

/**
 * Words split at spaces; quotes keep spaces, a backslash (not in single quotes) the next character.
 *
 * Raises Error when a quote is not closed.
 */
export function splitArgs(text: string): string[] {
  const args: string[] = [];
  let word: string | null = null;
  for (const part of text.matchAll(PART)) {
    const piece = pieceOf(part);
    if (piece !== null) word = (word ?? "") + piece;
    else if (word !== null) {
      args.push(word);
      word = null;
    }
  }
  return word === null ? args : [...args, word];
}

/** The characters that a part adds to its word; null for space, which ends it. */
function pieceOf([, escaped, single, singleEnd, double, doubleEnd, plain]: RegExpMatchArray) {
  if (singleEnd === "" || doubleEnd === "") throw new Error("The arguments have an open quote.");
  return escaped ?? single ?? double?.replace(/\\([\s\S])/g, "$1") ?? plain ?? null;
}

/** The argument as `splitArgs` reads it back. */
export function quoteArg(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `"${arg.replace(/["\\]/g, "\\$&")}"`;
}
