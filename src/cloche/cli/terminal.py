"""What an untrusted program wrote, made harmless for a terminal. No I/O.

A terminal obeys what is printed: escape sequences can retitle it, write the clipboard, or type
answers into the shell. So on a terminal each control but line end, tab, carriage return and
colours (SGR) is shown instead of sent, in the same signs as on the web page.
"""

import codecs
import re
from typing import Final

#: Controls, and the characters that reorder or hide text.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_SGR: Final = re.compile(r"\x1b\[[0-9;:]{0,64}m")
_MAYBE_SGR: Final = re.compile(r"\x1b(?:\[[0-9;:]{0,64})?\Z")
_RESET: Final = "\x1b[0m"


def visible(text: str) -> str:
    """``text`` on one line with a sign for each control and hidden character: for names, labels and messages."""
    return _UNSEEN.sub(_sign, text.replace("\r", "␍").replace("\n", "␊").replace("\t", "␉"))


def harmless(text: str) -> str:
    """``text`` over several lines, where only line ends, tabs and carriage returns still act."""
    return _UNSEEN.sub(_sign, text)


class TerminalFilter:
    """One stream of a program on its way to a terminal, in whatever pieces it arrives."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""
        self._coloured = False

    def feed(self, data: bytes) -> str:
        """What of ``data`` can be shown now; the beginning of a character or colour is held back."""
        return self._show(self._decoder.decode(data), final=False)

    def finish(self) -> str:
        """The rest, and the end of any colour."""
        rest = self._show(self._decoder.decode(b"", final=True), final=True)
        return rest + _RESET if self._coloured else rest

    def _show(self, text: str, *, final: bool) -> str:
        text = self._held + text
        self._held = ""
        maybe = None if final else _MAYBE_SGR.search(text)
        if maybe is not None:
            self._held = maybe[0]
            text = text[: maybe.start()]
        shown: list[str] = []
        position = 0
        for colour in _SGR.finditer(text):
            shown += (harmless(text[position : colour.start()]), colour[0])
            position = colour.end()
            self._coloured = True
        return "".join(shown) + harmless(text[position:])


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨{code:04X}⟩"
