"""Whoever asks for the state never keeps a supervisor from its data directory."""

import fcntl
import os
import time

from cloche.stack.options import Layout
from cloche.stack.status import supervisor_pid, take_lock


def test_a_reader_of_the_state_does_not_keep_a_supervisor_out(tmp_path, monkeypatch) -> None:
    layout = Layout(tmp_path)
    reader = os.open(layout.lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(reader, fcntl.LOCK_SH)
    # The reader is done by the time of the second try.
    monkeypatch.setattr(time, "sleep", lambda _: fcntl.flock(reader, fcntl.LOCK_UN))
    lock = take_lock(layout)
    assert lock is not None
    assert supervisor_pid(layout) == os.getpid()
    os.close(reader)
    os.close(lock)


def test_another_supervisor_does(tmp_path) -> None:
    layout = Layout(tmp_path)
    lock = take_lock(layout)
    assert lock is not None
    assert take_lock(layout) is None
    os.close(lock)
    assert supervisor_pid(layout) is None
