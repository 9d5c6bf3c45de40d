"""Base64 as peers read it. Pure."""

import base64
import re
from typing import Final

_NO_DIGIT: Final = re.compile(r"[^A-Za-z0-9+/]")


def lenient_base64(text: str) -> bytes:
    """Either alphabet, with or without padding; line breaks and whatever else is no digit are passed over."""
    digits = _NO_DIGIT.sub("", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return base64.b64decode(digits + "=" * (-len(digits) % 4))
