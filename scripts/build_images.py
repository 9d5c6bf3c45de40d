"""Build the runtime images ``cloche/<name>`` from ``images/<name>/Dockerfile``.

    build_images.py [--launcher FILE] [NAME ...]     all names by default

The Engine is the one that DOCKER_HOST (or the docker command's context) names. Idempotent: an image is
rebuilt only when its Dockerfile, the launcher or the base changed. The base ``debian:bookworm-slim`` is
pulled; where no image registry can be reached it is made by debootstrap and kept under ``.cache/images``.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "images"
LAUNCHER = ROOT / "src/cloche/executor/launcher/bin" / f"cell-launcher-{platform.machine()}"
BASE = "debian:bookworm-slim"
SUITE = "bookworm"
PULL_S = 300

#: What the slim variant leaves out of a minimal Debian; also logs and caches that name the build.
NOT_SLIM = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
)


class BuildError(Exception):
    """An image can't be built; the message says what is missing."""


def ensure_base(cache: Path) -> str:
    """The id of ``debian:bookworm-slim``: what the Engine has, else pulled, else made by debootstrap.

    Raises:
        BuildError: none of the three is possible.
    """
    if (present := _image_id(BASE)) is not None:
        return present
    pulled = _docker("pull", "--quiet", BASE, check=False, timeout_s=PULL_S)
    if pulled.returncode != 0:
        print(f"{BASE} can't be pulled; making it by debootstrap", flush=True)
        change = [
            "--change",
            'CMD ["bash"]',
            "--change",
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ]
        _docker("import", *change, str(_bootstrapped(cache)), BASE)
    found = _image_id(BASE)
    if found is None:
        raise BuildError(f"the Engine has no {BASE} after pulling or importing it")
    return found


def build(name: str, base_id: str, launcher: Path) -> str:
    """Build and tag ``cloche/<name>``; returns ``unchanged`` or ``built``.

    Raises:
        BuildError: there is no such Dockerfile, or its build fails.
    """
    dockerfile = IMAGES / name / "Dockerfile"
    if not dockerfile.is_file():
        raise BuildError(f"images/{name}/Dockerfile does not exist")
    digest = hashlib.sha256(base_id.encode() + dockerfile.read_bytes() + launcher.read_bytes()).hexdigest()[:16]
    exact, latest = f"cloche/{name}:{digest}", f"cloche/{name}:latest"
    changed = _image_id(exact) is None
    if changed:
        with tempfile.TemporaryDirectory() as context:
            shutil.copy(dockerfile, Path(context) / "Dockerfile")
            shutil.copy(launcher, Path(context) / "launcher")
            (Path(context) / "launcher").chmod(0o755)
            _docker("build", "--quiet", "--network", "host", "--tag", exact, context)
    _docker("tag", exact, latest)
    return "built" if changed else "unchanged"


def _bootstrapped(cache: Path) -> Path:
    """A tarball of a minimal Debian, made once."""
    tarball = cache / f"debian-{SUITE}-slim.tar"
    if tarball.exists():
        return tarball
    debootstrap = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if debootstrap is None or os.geteuid() != 0:
        raise BuildError(f"{BASE} can't be pulled, and making it needs root and Debian's debootstrap")
    with tempfile.TemporaryDirectory(dir=cache) as directory:
        system = Path(directory) / "system"
        _run([debootstrap, "--variant=minbase", SUITE, str(system)])
        for path in NOT_SLIM:
            shutil.rmtree(system / path, ignore_errors=True)
            (system / path).mkdir(parents=True)
        fresh = Path(directory) / "tar"
        _run(
            [
                "tar",
                "--create",
                "--one-file-system",
                "--numeric-owner",
                "--sort=name",
                "-f",
                str(fresh),
                "-C",
                str(system),
                ".",
            ]
        )
        fresh.rename(tarball)
    return tarball


def _image_id(reference: str) -> str | None:
    found = _docker("image", "inspect", "--format", "{{.Id}}", reference, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def _docker(*arguments: str, check: bool = True, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    return _run(["docker", *arguments], check=check, timeout_s=timeout_s)


def _run(argv: list[str], *, check: bool = True, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DOCKER_BUILDKIT": "0"}
    try:
        done = subprocess.run(argv, env=environ, text=True, capture_output=True, check=False, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", "timed out")
    if check and done.returncode != 0:
        raise BuildError(f"{' '.join(argv[:3])} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done


def main() -> int:
    """Build the images named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launcher", type=Path, default=LAUNCHER, help="the static launcher to put into each image")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    names: list[str] = arguments.names or sorted(path.parent.name for path in IMAGES.glob("*/Dockerfile"))
    if not arguments.launcher.is_file():
        print(f"build_images: there is no launcher at {arguments.launcher}; scripts/build_launcher.py makes it")
        return 1
    cache = ROOT / ".cache/images"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            base_id = ensure_base(cache)
            for name in names:
                print(f"cloche/{name}: {build(name, base_id, arguments.launcher)}", flush=True)
    except BuildError as error:
        print(f"build_images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
