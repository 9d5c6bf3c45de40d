"""A crash in a cell starts nothing on a host that pipes memory dumps to a helper, which runs as its root."""

import fcntl
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import Bench

from cloche.executor.engines.local.engine import LocalEngine

_PATTERN = Path("/proc/sys/kernel/core_pattern")
_HELPER = '#!/bin/sh\necho "$1" >> "${0%/*}/seen"\nexec cat > /dev/null\n'
#: Waits for the end of the tests, however they end, and puts the host's own pattern back.
_KEEPER = f'cat; printf "%s\\n" "$1" > {_PATTERN}'
_CRASHES = {
    "abort": "os.abort()",
    "segmentation-fault": "ctypes.string_at(0)",
    "own-limit-of-0": "resource.setrlimit(resource.RLIMIT_CORE, (0, 1)); os.abort()",
    "own-limits-of-0": "resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()",
    "child": "if os.fork() == 0: os.abort()\nos.wait()",
    "thread": "import threading; threading.Thread(target=os.abort).start()",
}


class Crash:
    """A program that gives itself a name by which the kernel tells the helper of it."""

    def __init__(self, body: str) -> None:
        self.name = f"core-{secrets.token_hex(4)}"
        self.source = f"import ctypes, os, resource\nctypes.CDLL(None).prctl(15, {self.name.encode()})\n{body}"


class Helper:
    """What the host runs at a crash. It reads all of a dump, so a process that it was run for ends after it began."""

    def __init__(self, directory: Path) -> None:
        self.program, self._seen = directory / "helper", directory / "seen"
        self._seen.touch()
        self.program.write_text(_HELPER, encoding="utf-8")
        self.program.chmod(0o755)

    def ran_for(self, crash: Crash) -> bool:
        return crash.name in self._seen.read_text(encoding="utf-8").split()


@pytest.fixture
def helper() -> Iterator[Helper]:
    """Set for the whole machine, by one test at a time, and seen to run for a process of the host."""
    # In a short path: the pattern has 127 bytes.
    with tempfile.TemporaryDirectory(prefix="cloche-core-", dir="/tmp") as directory, _PATTERN.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        own, made = lock.read().strip(), Helper(Path(directory))
        keeper = subprocess.Popen(["sh", "-c", _KEEPER, "sh", own], stdin=subprocess.PIPE, start_new_session=True)
        try:
            try:
                _PATTERN.write_text(f"|{made.program} %e\n", encoding="utf-8")
            except OSError as error:
                pytest.skip(f"this host's core_pattern can't be set: {error}")
            control = Crash(_CRASHES["own-limits-of-0"])
            subprocess.run([sys.executable, "-c", control.source], check=False)
            assert made.ran_for(control)
            yield made
        finally:
            keeper.communicate()
        assert _PATTERN.read_text(encoding="utf-8").strip() == own


@pytest.mark.parametrize("body", _CRASHES.values(), ids=_CRASHES)
async def test_crash_starts_no_helper_of_the_host(bench: Bench, helper: Helper, body: str) -> None:
    """A crash in a cell starts no program of the host, also where its core dumps go to a pipe."""
    crash = Crash(body)
    ran = await bench.run(crash.source)
    assert ran.verdict == ("accepted" if "fork" in body else "runtime_error"), ran.stderr
    assert not helper.ran_for(crash)


async def test_helper_is_started_where_cells_inherit_a_limit_of_0(
    bench: Bench, helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's core dump helper does start where cells inherit a limit of 0: the test above can fail."""
    if not isinstance(bench.engine, LocalEngine):
        pytest.skip("its cells inherit from the Docker Engine")
    spawner = bench.engine._spawner
    assert spawner is not None
    spawn = os.posix_spawn

    def with_limit(path: str, argv: list[str], env: dict[str, str], **options: Any) -> int:
        return spawn("/usr/bin/prlimit", ["prlimit", "--core=0:0", path, *argv[1:]], env, **options)

    monkeypatch.setattr(os, "posix_spawn", with_limit)
    await spawner.close()  # the next cell starts another
    crash = Crash("os.abort()")
    try:
        await bench.run(crash.source)
    finally:
        await spawner.close()
    assert helper.ran_for(crash)
