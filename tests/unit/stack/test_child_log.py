"""Logs stay small and give their last words."""

from pathlib import Path

from cloche.stack.child_log import last_lines, rotate


def test_a_log_over_its_size_is_kept_once_and_begun_anew(tmp_path: Path) -> None:
    log = tmp_path / "queue.log"
    with log.open("ab", buffering=0) as child:
        child.write(b"old\n" * 10)
        rotate(log, max_bytes=30)
        child.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "queue.log.1").read_bytes() == b"old\n" * 10


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "queue.log"
    log.write_bytes(b"x" * 30)
    rotate(log, max_bytes=30)
    assert [path.name for path in tmp_path.iterdir()] == ["queue.log"]


def test_last_words_are_the_last_lines_and_bounded(tmp_path: Path) -> None:
    log = tmp_path / "queue.log"
    log.write_bytes(b"one\ntwo\n" + b"y" * 1000 + b"\n\xff\n")
    assert last_lines(log, 2) == "y" * 500 + "\n\N{REPLACEMENT CHARACTER}"
    assert not last_lines(tmp_path / "missing.log", 5)
