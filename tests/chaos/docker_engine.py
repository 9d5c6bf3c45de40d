"""A Docker Engine that tests may kill, apart from the one that others use."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_SCRIPT = _ROOT / "scripts/test_dockerd.py"
_HOME = _ROOT / ".cache/killable-engine"


@dataclass
class KillableEngine:
    """Its images outlive it. The socket stays at one path."""

    socket: str = ""
    _command: list[str] = field(default_factory=list[str])

    def start(self) -> None:
        """Start it, or find it running; its folder is open to whoever its socket is."""
        _HOME.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, _SCRIPT, "start", _HOME], stdout=subprocess.PIPE, text=True, check=True, timeout=90
        )
        self.socket = done.stdout.strip()
        Path(self.socket).parent.chmod(0o711)

    def kill(self) -> None:
        """kill -9; its containerd, its containers and their shims live on."""
        process = Path("/proc") / (Path(self.socket).parent / "dockerd.pid").read_text()
        self._command = process.joinpath("cmdline").read_text().split("\0")[:-1]
        os.kill(int(process.name), signal.SIGKILL)

    def start_again(self) -> None:
        """As the host's own supervisor would: beside what lives on."""
        # Nobody may have seen yet that the killed one ended, and its containerd with it: their numbers
        # would stand for what still runs.
        run = Path(self.socket).parent
        (run / "dockerd.pid").unlink(missing_ok=True)
        containerd = run / "exec/containerd/containerd.pid"
        if containerd.exists() and not _runs(containerd.read_text()):
            containerd.unlink()
        with (_HOME / "dockerd.log").open("ab") as log:
            subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            ).returncode = 0  # whoever adopts it sees its end

    def stop(self) -> None:
        """Remove what it holds but images, and end it and all that a killed one had begun."""
        subprocess.run([sys.executable, _SCRIPT, "stop", _HOME], check=True, timeout=90)
        run = str(Path(self.socket).parent)
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"{run}/" in process.joinpath("cmdline").read_text():
                    os.kill(int(process.name), signal.SIGKILL)

    def copy_image(self, reference: str, source: str) -> None:
        """Take an image over from the Engine at the socket ``source``, unless it is there."""
        if self.image_id(reference) == _docker(source, "image", "inspect", "--format", "{{.Id}}", reference).strip():
            return
        save = ["docker", "save", reference]
        with subprocess.Popen(save, env=_environment(source), stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "load", "--quiet"], env=_environment(self.socket), stdin=saved.stdout, check=True)
        assert saved.returncode == 0

    def image_id(self, reference: str) -> str:
        """Empty where there is none."""
        return _docker(self.socket, "images", "--quiet", "--no-trunc", reference).strip()

    def containers(self) -> list[str]:
        """All of them, running or not, and since when."""
        return _docker(self.socket, "ps", "--all", "--format", "{{.ID}} {{.Status}} {{.RunningFor}}").splitlines()


def _runs(pid: str) -> bool:
    """Not gone, nor dead and not reaped yet."""
    stat = Path("/proc") / pid / "stat"
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _environment(socket: str) -> dict[str, str]:
    return {**os.environ, "DOCKER_HOST": f"unix://{socket}"}


def _docker(socket: str, *arguments: str) -> str:
    return subprocess.run(
        ["docker", *arguments], env=_environment(socket), check=True, capture_output=True, text=True, timeout=60
    ).stdout
