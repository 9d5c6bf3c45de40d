"""The base of every runtime image, also where no image registry can be reached."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from cloche.stack.docker_command import docker, image_id, ran
from cloche.stack.spawn import StackError

BASE: Final = "debian:bookworm-slim"
SUITE: Final = "bookworm"
_PULL_S: Final = 300.0

#: What the slim variant leaves out of a minimal Debian; also logs and caches that name the build.
_NOT_SLIM: Final = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
)
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def ensure_base(cache: Path) -> str:
    """The id of ``BASE``: what the Engine has, else pulled, else made by debootstrap and kept in ``cache``.

    Raises:
        StackError: none of the three is possible.
    """
    if (present := image_id(BASE)) is not None:
        return present
    if docker("pull", "--quiet", BASE, check=False, timeout_s=_PULL_S).returncode != 0:
        sys.stderr.write(f"{BASE} can't be pulled; making it by debootstrap.\n")
        change = ["--change", 'CMD ["bash"]', "--change", f"ENV PATH={_PATH}"]
        docker("import", *change, str(_bootstrapped(cache)), BASE)
    found = image_id(BASE)
    if found is None:
        raise StackError(f"The Engine has no {BASE} after pulling or importing it.")
    return found


def _bootstrapped(cache: Path) -> Path:
    """A tarball of a minimal Debian, made once."""
    tarball = cache / f"debian-{SUITE}-slim.tar"
    if tarball.exists():
        return tarball
    debootstrap = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if debootstrap is None or os.geteuid() != 0:
        raise StackError(f"{BASE} can't be pulled, and making it needs root and Debian's debootstrap.")
    with tempfile.TemporaryDirectory(dir=cache) as directory:
        system, fresh = Path(directory) / "system", Path(directory) / "tar"
        ran([debootstrap, "--variant=minbase", SUITE, str(system)])
        for path in _NOT_SLIM:
            shutil.rmtree(system / path, ignore_errors=True)
            (system / path).mkdir(parents=True)
        packed = ["--one-file-system", "--numeric-owner", "--sort=name", "-f", str(fresh)]
        ran(["tar", "--create", *packed, "-C", str(system), "."])
        fresh.rename(tarball)
    return tarball
