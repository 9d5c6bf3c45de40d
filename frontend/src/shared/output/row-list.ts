export type RowKind = "stdout" | "stderr" | "notice";

export interface Row {
  kind: RowKind;
  text: string;
}

/** Longer lines continue on the next row, so that one endless line cannot stall the page. */
const ROW_CHARACTERS = 2_000;
/** More than fits a browser's tallest element would not be reachable; the raw link has it all. */
const MAX_ROWS = 200_000;
const DROP_ROWS = 20_000;

/** Text as rows, append-only, bounded: the oldest rows go when there are too many. */
export class RowList {
  readonly rows: Row[] = [];
  /** How many rows at the head were let go. */
  dropped = 0;
  private open: RowKind | null = null;

  append(kind: RowKind, text: string): void {
    const lines = text.split("\n");
    lines.forEach((line, index) => {
      const last = index === lines.length - 1;
      if (last && line === "") return;
      this.write(kind, line);
      this.open = last ? kind : null;
    });
    if (this.rows.length > MAX_ROWS) {
      this.rows.splice(0, DROP_ROWS);
      this.dropped += DROP_ROWS;
    }
  }

  private write(kind: RowKind, line: string): void {
    let rest = line;
    const last = this.rows.at(-1);
    if (this.open === kind && last !== undefined) {
      const room = Math.max(0, ROW_CHARACTERS - last.text.length);
      last.text += rest.slice(0, room);
      rest = rest.slice(room);
      if (rest === "") return;
    }
    do {
      this.rows.push({ kind, text: rest.slice(0, ROW_CHARACTERS) });
      rest = rest.slice(ROW_CHARACTERS);
    } while (rest !== "");
  }
}
