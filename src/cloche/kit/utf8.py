"""Where a character ends, for whoever cuts a stream of UTF-8 into pieces."""

#: The longest beginning of a character that is not a character yet.
_LONGEST_OPEN = 3


def open_tail(data: bytes | bytearray) -> int:
    """How many bytes at the end of ``data`` begin a character whose rest would follow: 0 to 3.

    Bytes that can't become UTF-8, whatever follows, count as 0.
    """
    for length in range(1, min(_LONGEST_OPEN, len(data)) + 1):
        byte = data[-length]
        if byte & 0xC0 != 0x80:
            return length if length < _length_from(byte) else 0
    return 0


def _length_from(first: int) -> int:
    """How many bytes the character that begins with ``first`` has; 0 when none does."""
    if 0xC2 <= first <= 0xDF:
        return 2
    if 0xE0 <= first <= 0xEF:
        return 3
    return 4 if 0xF0 <= first <= 0xF4 else 0
