/** One message of a `text/event-stream`. */
export interface StreamMessage {
  id: string | null;
  event: string;
  data: string;
}

/**
 * Turns the text of an event stream into messages, whatever the cuts between pieces.
 *
 * Comments give no message. A message that is not closed by an empty line is not delivered.
 * Source: WHATWG HTML, section 9.2.6, "Interpreting an event stream".
 */
export class EventStreamParser {
  private rest = "";
  private id: string | null = null;
  private event = "";
  private data: string[] = [];

  push(piece: string): StreamMessage[] {
    const text = this.rest + piece;
    // A trailing CR may be the first half of CRLF: it waits for the next piece.
    const whole = text.endsWith("\r") ? text.slice(0, -1) : text;
    const lines = whole.split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? "") + text.slice(whole.length);
    const messages: StreamMessage[] = [];
    for (const line of lines) {
      const message = this.line(line);
      if (message !== null) messages.push(message);
    }
    return messages;
  }

  private line(line: string): StreamMessage | null {
    if (line === "") return this.dispatch();
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return null;
  }

  private dispatch(): StreamMessage | null {
    const { data, event } = this;
    this.data = [];
    this.event = "";
    if (data.length === 0) return null;
    return { id: this.id, event: event === "" ? "message" : event, data: data.join("\n") };
  }
}
