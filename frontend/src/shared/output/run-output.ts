import type { OutputView, StreamName } from "../api/types";
import { formatExactBytes } from "../text/bytes";
import { type Assembled, ByteAssembler, type OutputPiece } from "./byte-assembler";
import { RowList } from "./row-list";

export type OutputChannel = "all" | StreamName;

/**
 * What a run has written, told apart by stream and also in order of arrival.
 *
 * Readers subscribe; they are told at most once a frame, however fast the program writes.
 */
export class RunOutput {
  private lists = emptyLists();
  private assemblers = emptyAssemblers();
  private readonly listeners = new Set<() => void>();
  private frame = 0;
  /** Grows with every told change. */
  version = 0;

  rows(channel: OutputChannel): RowList {
    return this.lists[channel];
  }

  /** How many bytes of a stream have come. */
  received(stream: StreamName): number {
    return this.assemblers[stream].received;
  }

  add(stream: StreamName, piece: OutputPiece): void {
    this.put(stream, this.assemblers[stream].add(piece));
  }

  /** The bytes up to `end` will not come. */
  skipTo(stream: StreamName, end: number): void {
    this.put(stream, this.assemblers[stream].skipTo(end));
  }

  /** Adds what the stored view has beyond what arrived live; `missing` ranges become notices. */
  complete(stream: StreamName, view: OutputView): void {
    if (view.missing.length === 0) {
      this.add(stream, { offset: 0, bytes: view.shown, text: view.text, base64: view.base64 });
    }
  }

  clear(): void {
    this.lists = emptyLists();
    this.assemblers = emptyAssemblers();
    this.tell();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): number => this.version;

  private put(stream: StreamName, { missing, text }: Assembled): void {
    if (missing === 0 && text === "") return;
    for (const channel of ["all", stream] as const) {
      const list = this.lists[channel];
      if (missing > 0) {
        list.append("notice", `${formatExactBytes(missing)} of ${stream} missing here\n`);
      }
      if (text !== "") list.append(stream, text);
    }
    this.tell();
  }

  private tell(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.version += 1;
      for (const listener of this.listeners) listener();
    });
  }
}

function emptyLists(): Record<OutputChannel, RowList> {
  return { all: new RowList(), stdout: new RowList(), stderr: new RowList() };
}

function emptyAssemblers(): Record<StreamName, ByteAssembler> {
  return { stdout: new ByteAssembler(), stderr: new ByteAssembler() };
}
