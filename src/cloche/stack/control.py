"""Start, find and stop the supervisor of a data directory from another process."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cloche.stack.child_log import rotate
from cloche.stack.layout_folders import make_layout
from cloche.stack.options import Layout, StackOptions
from cloche.stack.spawn import StackError
from cloche.stack.status import StackStatus, read_status, supervisor_pid

#: The sum of what children may take to end, and some.
DOWN_TIMEOUT_S: Final = 180.0
#: How long a second `up` waits for a first one that still starts.
READY_TIMEOUT_S: Final = 120.0


@dataclass(slots=True)
class StartedSupervisor:
    """A supervisor that this process started, and the descriptor of its reports."""

    process: subprocess.Popen[bytes]
    reports: int


def start_supervisor(options: StackOptions, *, attached: bool) -> StartedSupervisor:
    """Start one in the background. ``attached``: it ends when this process does.

    Raises:
        StackError: the data directory can't be made, or its disk is full.
    """
    options.check()
    layout = Layout(options.data_dir)
    make_layout(layout)
    reading, writing = os.pipe()
    try:
        log_file = layout.log_of("supervisor")
        rotate(log_file)
        with os.fdopen(os.open(log_file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "cloche.stack"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
                start_new_session=True,
                cwd="/",
            )
    finally:
        os.close(writing)
    request = {"options": options.to_json(), "report": writing, "parent": os.getpid() if attached else None}
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(json.dumps(request).encode() + b"\n")
    return StartedSupervisor(process, reading)


def await_ready(started: StartedSupervisor) -> None:
    """Return when everything is ready.

    Raises:
        StackError: it was not to be; what failed is in the message, and everything is stopped again.
    """
    for message in _messages(started.reports):
        if message.get("ready"):
            return
        if "error" in message:
            started.process.wait()
            raise StackError(message["error"])
    started.process.wait()
    raise StackError("The supervisor ended while it was starting; see its log in the data directory.")


def messages_until_end(started: StartedSupervisor) -> Iterator[dict[str, Any]]:
    """The reports of an attached supervisor until it has stopped everything; SIGINT and SIGTERM are passed on to it."""

    def pass_on(number: int, _: object) -> None:
        started.process.send_signal(number)

    previous = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield from _messages(started.reports)
        started.process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def already_runs(options: StackOptions) -> bool:
    """Whether this very stack runs and is ready; one that still starts is waited for.

    Raises:
        StackError: one runs with other settings, or does not become ready.
    """
    layout = Layout(options.data_dir)
    deadline = time.monotonic() + READY_TIMEOUT_S
    while supervisor_pid(layout) is not None:
        status = read_status(layout)
        if status is not None and status.ready:
            _refuse_other(status, options)
            return True
        if time.monotonic() > deadline:
            raise StackError("Cloche runs but is not ready; see 'cloche status'.")
        time.sleep(0.1)
    return False


def running(data_dir: Path) -> StackStatus | None:
    """The state of the running stack; None when there is none."""
    return read_status(Layout(data_dir))


def _refuse_other(status: StackStatus, options: StackOptions) -> None:
    if (status.url, status.engine, status.require_keys) != (options.url, options.engine, options.require_keys):
        keys = "with" if status.require_keys else "without"
        raise StackError(
            f"Cloche already runs on {options.data_dir} at {status.url} (engine {status.engine}, {keys} keys). "
            "Stop it with 'cloche down' to start it otherwise."
        )


def _messages(reports: int) -> Iterator[dict[str, Any]]:
    with os.fdopen(reports, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def stop_supervisor(data_dir: Path, *, timeout_s: float = DOWN_TIMEOUT_S) -> bool:
    """Ask the supervisor to stop everything and wait until it has; False when none runs.

    Raises:
        StackError: it did not end in time.
    """
    pid = supervisor_pid(Layout(data_dir))
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            if not poller.poll(int(timeout_s * 1000)):
                raise StackError(f"The supervisor (process {pid}) did not end within {timeout_s:.0f} s.")
        finally:
            os.close(descriptor)
    return True
