/** One piece of a stream at its byte offset; exactly one of `text` and `base64` is set. */
export interface OutputPiece {
  offset: number;
  bytes: number;
  text?: string | null;
  base64?: string | null;
}

export interface Assembled {
  /** Bytes that never came, just before `text`. */
  missing: number;
  text: string;
}

/**
 * Puts one stream's pieces together as text: repeats are dropped by byte offset, holes are told.
 *
 * Bytes that are not UTF-8 become U+FFFD; a character may be split over two pieces.
 */
export class ByteAssembler {
  private decoder = new TextDecoder();
  private halfCharacter = false;
  /** The offset of the next byte that is new. */
  received = 0;

  add(piece: OutputPiece): Assembled {
    const end = piece.offset + piece.bytes;
    if (end <= this.received) return { missing: 0, text: "" };
    const missing = Math.max(0, piece.offset - this.received);
    const known = Math.max(0, this.received - piece.offset);
    this.received = end;
    if (piece.text != null && known === 0 && !this.halfCharacter) {
      return { missing, text: piece.text };
    }
    const bytes = bytesOf(piece).subarray(known);
    const text = (missing > 0 ? this.flush() : "") + this.decoder.decode(bytes, { stream: true });
    this.halfCharacter = piece.text == null;
    return { missing, text };
  }

  /** Goes on behind a hole, returning what was left of a split character. */
  skipTo(offset: number): Assembled {
    const missing = Math.max(0, offset - this.received);
    if (missing === 0) return { missing, text: "" };
    this.received = offset;
    return { missing, text: this.flush() };
  }

  private flush(): string {
    const rest = this.decoder.decode();
    this.decoder = new TextDecoder();
    this.halfCharacter = false;
    return rest;
  }
}

function bytesOf(piece: OutputPiece): Uint8Array {
  if (piece.text != null) return new TextEncoder().encode(piece.text);
  return Uint8Array.from(atob(piece.base64 ?? ""), (character) => character.charCodeAt(0));
}
