"""``python -m cloche.stack``: supervise one stack until SIGTERM.

Reads one JSON line from stdin, {"options": …, "report": descriptor, "parent": pid or null}, and writes
JSON lines to the descriptor: {"changed": true} when the status file is new, and {"ready": true} or
{"error": …} once. With a parent, it stops everything when the parent goes.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
from typing import Any

from cloche.kit.logs import configure_logs, get_logger
from cloche.kit.serve import harden_process
from cloche.stack.child import die_with_parent
from cloche.stack.options import Layout, StackOptions
from cloche.stack.spawn import StackError
from cloche.stack.status import take_lock
from cloche.stack.supervisor import Supervisor

log = get_logger()


class _Reports:
    """Lines for whoever started us, as long as they listen; never waits for them."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        os.set_blocking(descriptor, False)
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)

    def send(self, **message: Any) -> None:
        if self._descriptor is not None:
            try:
                os.write(self._descriptor, json.dumps(message).encode() + b"\n")
            except BlockingIOError:
                return  # they have many changes to look at already
            except OSError:
                self.close()

    def send_last(self, **message: Any) -> None:
        """A message that must arrive; there is room unless they stopped reading long ago."""
        if self._descriptor is not None:
            os.set_blocking(self._descriptor, True)
        self.send(**message)

    def close(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def main() -> None:
    """Run until SIGTERM; a second signal kills what still runs."""
    request = json.loads(sys.stdin.readline())
    harden_process()
    configure_logs("supervisor")
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    reports = _Reports(request["report"])
    options = StackOptions.from_json(request["options"])
    layout = Layout(options.data_dir)
    lock = take_lock(layout)
    if lock is None:
        reports.send_last(error=f"Another supervisor already holds {layout.root}.")
        sys.exit(1)
    if request["parent"] is not None:
        die_with_parent(request["parent"], signal.SIGTERM)
    sys.exit(asyncio.run(_supervise(options, layout, reports, attached=request["parent"] is not None)))


async def _supervise(options: StackOptions, layout: Layout, reports: _Reports, *, attached: bool) -> int:
    stop = asyncio.Event()
    supervisor = Supervisor(options, layout, lambda _: reports.send(changed=True))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: supervisor.kill() if stop.is_set() else stop.set())
    starting = asyncio.create_task(supervisor.start())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
    failure = ""
    if starting.done():
        failure = _failure_of(starting)
    else:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    if not failure and not stop.is_set():
        reports.send(ready=True)
        if not attached:
            reports.close()
        await stopped
    stopped.cancel()
    await supervisor.stop()
    if failure:
        reports.send_last(error=failure)
    return 1 if failure else 0


def _failure_of(starting: asyncio.Task[None]) -> str:
    error = starting.exception()
    if error is None:
        return ""
    log.error("stack.not_started", exc_info=None if isinstance(error, StackError) else error, error=str(error))
    return str(error) if isinstance(error, StackError) else f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
