"""The program's output on its way to this command's own stdout and stderr, byte for byte."""

import sys
from typing import BinaryIO, Final

from cloche.cli.terminal import TerminalFilter, harmless
from cloche.client.client import Client
from cloche.client.watching import OutputChunk
from cloche.contracts.evaluation import Evaluation
from cloche.contracts.words import STREAMS, Stream


class _Sink:
    """One of this command's own streams: raw when piped, filtered on a terminal."""

    def __init__(self, raw: BinaryIO, *, terminal: bool) -> None:
        self._raw = raw
        self._filter = TerminalFilter() if terminal else None
        self.position = 0
        self.open_line = False

    def write(self, data: bytes) -> None:
        """Show what follows at ``position``."""
        self.position += len(data)
        self._put(data if self._filter is None else self._filter.feed(data).encode())

    def say(self, text: str) -> None:
        """Text that does not count as output."""
        self._put((harmless(text) if self._filter else text).encode())

    def finish(self) -> None:
        """Show what was held back."""
        if self._filter is not None:
            self._put(self._filter.finish().encode())

    def _put(self, data: bytes) -> None:
        if data:
            self.open_line = self._filter is not None and not data.endswith(b"\n")
            self._raw.write(data)
            self._raw.flush()


class OutputRelay:
    """Passes on the chosen streams of one evaluation. ``finish`` fetches what the live view left out.

    Raises (from every method):
        BrokenPipeError: nobody reads our stdout or stderr any more.
    """

    def __init__(self, client: Client, streams: tuple[Stream, ...] = STREAMS) -> None:
        self._client = client
        sinks: Final = {
            "stdout": _Sink(sys.stdout.buffer, terminal=sys.stdout.isatty()),
            "stderr": _Sink(sys.stderr.buffer, terminal=sys.stderr.isatty()),
        }
        self._sinks: dict[Stream, _Sink] = {stream: sinks[stream] for stream in streams}
        self._error_sink = sinks["stderr"]

    def chunk(self, chunk: OutputChunk) -> None:
        """Pass on what follows directly; what comes behind a gap waits for ``finish``."""
        sink = self._sinks.get(chunk.stream)
        if sink is not None and chunk.offset == sink.position:
            sink.write(chunk.data)

    def restart(self, reason: str) -> None:
        """The attempt is void: its output can't be taken back, so say that it begins again."""
        if any(sink.position for sink in self._sinks.values()):
            self.note(f"this attempt was lost ({reason}); its output begins again")
        for sink in self._sinks.values():
            sink.position = 0

    def stored(self, evaluation: Evaluation) -> None:
        """Pass on what is stored and was not passed on yet."""
        for stream, sink in self._sinks.items():
            view = getattr(evaluation, stream)
            if sink.position < view.kept:
                sink.write(self._client.output(evaluation.id, stream, start=sink.position))
            lost = sum(end - start for start, end in view.missing)
            if lost:
                self.note(f"{lost} bytes of {stream} were lost on the way")

    def finish(self, evaluation: Evaluation, *, compiler: bool = False) -> None:
        """Everything is there: pass on the rest. The compiler speaks if it refused, or if ``compiler``."""
        compiled = evaluation.compile
        if compiled is not None and (compiler or evaluation.verdict == "compile_error"):
            self._error_sink.say(compiled.output)
        self.stored(evaluation)
        self.close()

    def close(self) -> None:
        """End the line and the colours on a terminal."""
        for sink in self._sinks.values():
            sink.finish()
        if any(sink.open_line for sink in self._sinks.values()):
            self._error_sink.say("\n")

    def note(self, text: str) -> None:
        """A line of our own on stderr."""
        self._error_sink.say(f"cloche: {text}\n")
