from hypothesis import given
from hypothesis import strategies as st

from cloche.storage.coverage import pieces, uncovered

ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda p: (min(p), max(p))), max_size=8)


@given(st.integers(0, 50), ranges)
def test_holes_are_exactly_the_bytes_that_no_range_covers(total: int, have: list[tuple[int, int]]):
    covered = {byte for start, end in have for byte in range(start, end)}
    holes = uncovered(total, have)
    assert [byte for start, end in holes for byte in range(start, end)] == [
        byte for byte in range(total) if byte not in covered
    ]


@given(st.binary(max_size=50), ranges, st.integers(1, 9))
def test_pieces_fill_the_holes_and_are_small(data: bytes, have: list[tuple[int, int]], size: int):
    whole = bytearray(len(data))
    for start, end in have:
        whole[start:end] = data[start:end]
    for offset, piece in pieces(data, uncovered(len(data), have), size):
        assert 0 < len(piece) <= size
        whole[offset : offset + len(piece)] = piece
    assert bytes(whole) == data
