"""The ``docker`` command, which speaks to the Engine that DOCKER_HOST or its context names."""

import os
import shutil
import subprocess
from typing import Final

from cloche.stack.spawn import StackError

_TOLD: Final = 2000


def docker(*arguments: str, check: bool = True, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    """``docker ARGUMENTS``; a status of 124 says that it took longer than ``timeout_s``.

    Raises:
        StackError: there is no such command; or it failed, and ``check`` is set.
    """
    return ran(["docker", *arguments], check=check, timeout_s=timeout_s)


def ran(argv: list[str], *, check: bool = True, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    """As ``docker``, for any command. Docker's classic builder is asked for: every Engine has it."""
    environ = {**os.environ, "DOCKER_BUILDKIT": "0"}
    try:
        done = subprocess.run(argv, env=environ, text=True, capture_output=True, check=False, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        done = subprocess.CompletedProcess(argv, 124, "", f"took longer than {timeout_s:.0f} s")
    except OSError as error:
        raise StackError(f"{argv[0]} can't be started: {error.strerror}.") from error
    if check and done.returncode != 0:
        raise StackError(f"{' '.join(argv[:2])} failed:\n{(done.stdout + done.stderr).strip()[-_TOLD:]}")
    return done


def require_engine() -> None:
    """Nothing when an Engine answers.

    Raises:
        StackError: none does, or there is no ``docker`` command; with what to do.
    """
    if shutil.which("docker") is None:
        raise StackError("There is no docker command here: install Docker (Debian: apt-get install docker.io).")
    answered = docker("version", "--format", "{{.Server.Version}}", check=False, timeout_s=30)
    if answered.returncode != 0:
        last = (answered.stderr.strip().splitlines() or ["no answer"])[-1]
        raise StackError(
            f"No Docker Engine answers ({last}). Start it (systemctl start docker), or name another by DOCKER_HOST."
        )


def image_id(reference: str) -> str | None:
    """The id of a local image (``sha256:…``); None when the Engine has none of that name."""
    found = docker("image", "inspect", "--format", "{{.Id}}", reference, check=False)
    return found.stdout.strip() if found.returncode == 0 else None
