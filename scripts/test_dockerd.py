"""A Docker Engine of our own for tests and image builds, apart from any other on this machine.

    test_dockerd.py start DIR   start it (or find it running), print its socket's path
    test_dockerd.py stop DIR    remove its containers, stop it, unmount what it left
    test_dockerd.py hold DIR    as start, then stop when standard input ends and nobody else holds it

Images persist under DIR between starts. Runs Debian's ``dockerd`` (package docker.io) as root,
without a bridge and without touching iptables. With ``--networks`` behind a command it has both,
in a network namespace of its own, from which nothing leads out; it asks 203.0.113.2 for names.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_S = 60.0
STOP_S = 30.0
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "dockerd")
#: The world of an Engine with networks, which a test makes. Source: RFC 5737, TEST-NET-3.
OUTSIDE = "203.0.113.2"
HOW_TO_GET = "Debian: apt-get install docker.io; or set CLOCHE_TEST_DOCKER_SOCKET to a running Engine's socket."


#: No virtual machine extensions are needed, and no network is there to be set up.
_RUNSC = '#!/bin/sh\nexec {runsc} --platform=ptrace --network=none "$@"\n'


class EngineError(Exception):
    """The test Engine can't be had; the message says what to do."""


def _other_runtimes(run: Path) -> dict[str, dict[str, str]]:
    """OCI runtimes beside runc: gVisor's, where it is installed."""
    runsc = shutil.which("runsc")
    if runsc is None:
        return {}
    wrapper = run / "runsc"
    wrapper.write_text(_RUNSC.format(runsc=runsc))
    wrapper.chmod(0o755)
    return {"runsc": {"path": str(wrapper)}}


def start(root: Path, *, networks: bool = False) -> Path:
    """The socket of the Engine under ``root``, started if need be. Idempotent.

    Raises:
        EngineError: not root, no dockerd, or it did not come up; the log's end is in the message.
    """
    run = _run_directory(root)
    sock = run / "docker.sock"
    with _locked(root / "start.lock", fcntl.LOCK_EX):
        if _alive(sock):
            return sock
        dockerd = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if dockerd is None or os.geteuid() != 0:
            raise EngineError(f"no dockerd to start{'' if dockerd is None else ' without root'}. {HOW_TO_GET}")
        _clear(run)
        log_path = root / "dockerd.log"
        argv = [dockerd, "--data-root", str(root / "data"), "--exec-root", str(run / "exec")]
        argv += ["-H", f"unix://{sock}", "--pidfile", str(run / "dockerd.pid"), "--config-file", str(run / "none.json")]
        argv += ["--bridge=none", "--storage-driver=overlay2"]
        argv = [*ALONE, *argv, f"--dns={OUTSIDE}"] if networks else [*argv, "--iptables=false", "--ip6tables=false"]
        (run / "none.json").write_text(json.dumps({"runtimes": _other_runtimes(run)}))
        with log_path.open("wb") as log:
            daemon = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_S
        while not _alive(sock):
            if daemon.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log_path.read_text(errors="replace").splitlines()[-5:])
                raise EngineError(f"dockerd did not come up:\n{tail}\n{HOW_TO_GET}")
            time.sleep(0.05)
    return sock


def stop(root: Path) -> None:
    """Remove every container, stop the daemon, unmount what it left. Idempotent; images stay."""
    run = _run_directory(root)
    sock = run / "docker.sock"
    with _locked(root / "start.lock", fcntl.LOCK_EX):
        if _alive(sock):
            for container in _call(sock, "GET", "/containers/json?all=1"):
                _call(sock, "DELETE", f"/containers/{container['Id']}?force=1&v=1")
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int((run / "dockerd.pid").read_text())
            if _is_dockerd(pid, run):
                _end(pid)
        _clear(run)
        _unmount(root)
        shutil.rmtree(run, ignore_errors=True)


def hold(root: Path, *, networks: bool = False) -> None:
    """Start, print the socket, wait for standard input to end; the last holder stops the Engine."""
    with (root / "holders.lock").open("w") as holders:
        fcntl.flock(holders, fcntl.LOCK_SH)
        print(start(root, networks=networks), flush=True)
        sys.stdin.buffer.read()
        try:
            fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        stop(root)


def _run_directory(root: Path) -> Path:
    """Sockets live under a short path: theirs is limited to 108 bytes."""
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:10]
    run = Path(tempfile.gettempdir()) / f"cloche-engine-{digest}"
    run.mkdir(mode=0o700, exist_ok=True)
    return run


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, kind)
        yield


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


def _call(sock: Path, method: str, path: str) -> Any:
    connection = _UnixConnection(sock)
    try:
        connection.request(method, path)
        raw = connection.getresponse().read()
    finally:
        connection.close()
    return json.loads(raw) if raw.startswith((b"[", b"{")) else raw


def _alive(sock: Path) -> bool:
    try:
        return _call(sock, "GET", "/_ping") == b"OK"
    except (OSError, http.client.HTTPException):
        return False


def _is_dockerd(pid: int, run: Path) -> bool:
    try:
        return str(run).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _end(pid: int) -> None:
    """SIGTERM, which also ends its containerd; SIGKILL when that takes too long."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while _runs(pid):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Not gone, nor dead and left to a parent that does not reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _clear(run: Path) -> None:
    """End what a killed daemon left: its containerd, and mounts under its exec-root."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int((run / "exec/containerd/containerd.pid").read_text())
        if _is_dockerd(pid, run):
            _end(pid)
    # The next daemon would wait for a containerd of this number, which may be dead and not reaped yet.
    (run / "exec/containerd/containerd.pid").unlink(missing_ok=True)
    _unmount(run)
    for stale in ("docker.sock", "dockerd.pid"):
        (run / stale).unlink(missing_ok=True)


def _unmount(under: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{under}/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)


def _main(arguments: list[str]) -> int:
    networks = arguments[2:] == ["--networks"]
    commands = {
        "start": lambda root: print(start(root, networks=networks)),
        "stop": stop,
        "hold": lambda root: hold(root, networks=networks),
    }
    if len(arguments) != 2 + networks or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(arguments[1]).absolute()
    root.mkdir(parents=True, exist_ok=True)
    try:
        commands[arguments[0]](root)
    except EngineError as error:
        print(f"test_dockerd: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
