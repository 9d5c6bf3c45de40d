"""The runtime images ``cloche/<name>``, each built from ``images/<name>/Dockerfile``.

What a Dockerfile may copy: ``install`` (packages from Debian, and no setuid files), ``launcher`` (PID 1
of every cell), and, where ``requirements.txt`` lies beside it, ``wheels`` with the wheels that this pins.
"""

import fcntl
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cloche.stack.docker_command import docker, image_id, ran, require_engine
from cloche.stack.image_base import BASE, ensure_base
from cloche.stack.spawn import StackError

#: In a wheel the files lie beside this module; in a checkout at the repository's root.
_PLACES: Final = (Path(__file__).parent / "images", Path(__file__).parents[3] / "images")

State = Literal["built", "outdated", "missing"]


@dataclass(frozen=True)
class Image:
    """A runtime image: ``built`` from what lies in its folder now, from something else, or not at all.

    ``size_bytes`` counts what it shares with others, such as the base.
    """

    name: str
    state: State
    size_bytes: int = 0

    @property
    def reference(self) -> str:
        """What the Engine and the Docker Socket Proxy call it."""
        return f"cloche/{self.name}:latest"


def images_folder() -> Path:
    """Cloche's own images."""
    return next((place for place in _PLACES if place.is_dir()), _PLACES[-1])


def image_names(folder: Path) -> list[str]:
    """Every image that can be built, by name."""
    return sorted(path.parent.name for path in folder.glob("*/Dockerfile"))


def list_images(folder: Path, launcher: Path) -> list[Image]:
    """Every image, by name, and whether the Engine has it as it would be built now.

    Raises:
        StackError: no Engine answers.
    """
    require_engine()
    base_id = image_id(BASE)
    return _seen({name: _digest(folder, name, launcher, base_id or "") for name in image_names(folder)})


def build_images(names: list[str], folder: Path, launcher: Path, cache: Path) -> Iterator[tuple[Image, bool]]:
    """Build those that changed, one after the other; each image, and whether it had to be built.

    Raises:
        StackError: no Engine answers, there is no such image, or its build fails.
    """
    if unknown := sorted(set(names) - set(image_names(folder))):
        raise StackError(f"There is no {folder.name}/{unknown[0]}/Dockerfile; 'cloche images list' names all.")
    require_engine()
    with _alone(cache):
        base_id = ensure_base(cache)
        for name in names:
            digest = _digest(folder, name, launcher, base_id)
            changed = image_id(f"cloche/{name}:{digest}") is None
            if changed:
                _build(folder, name, launcher, f"cloche/{name}:{digest}")
            docker("tag", f"cloche/{name}:{digest}", f"cloche/{name}:latest")
            (image,) = _seen({name: digest})
            yield image, changed


def _build(folder: Path, name: str, launcher: Path, tag: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        context = Path(directory)
        shutil.copy(folder / name / "Dockerfile", context)
        shutil.copy(folder / "install", context)
        shutil.copy(launcher, context / "launcher")
        (context / "launcher").chmod(0o755)
        (context / "install").chmod(0o755)
        pins = folder / name / "requirements.txt"
        if pins.is_file():
            pip = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--only-binary", ":all:"]
            ran([*pip, "--require-hashes", "-r", str(pins), "-d", str(context / "wheels")])
        docker("build", "--quiet", "--force-rm", "--network", "host", "--tag", tag, directory)


def _digest(folder: Path, name: str, launcher: Path, base_id: str) -> str:
    """Changes with everything that the image is built from."""
    files = [folder / name / "Dockerfile", folder / name / "requirements.txt", folder / "install", launcher]
    parts = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]
    return hashlib.sha256(json.dumps([base_id, *parts]).encode()).hexdigest()[:16]


def _seen(digests: dict[str, str]) -> list[Image]:
    """The images of these names; one call asks for all, and is answered for those that there are."""
    tags = [f"cloche/{name}:{tag}" for name, digest in digests.items() for tag in ("latest", digest)]
    answer = docker("image", "inspect", "--format", '{{.Size}} {{join .RepoTags " "}}', *tags, check=False)
    there = [(int(line.split()[0]), line.split()[1:]) for line in answer.stdout.splitlines() if line.strip()]
    images: list[Image] = []
    for name, digest in digests.items():
        latest = next((one for one in there if f"cloche/{name}:latest" in one[1]), None)
        if latest is None:
            images.append(Image(name, "missing"))
        else:
            images.append(Image(name, "built" if f"cloche/{name}:{digest}" in latest[1] else "outdated", latest[0]))
    return images


@contextmanager
def _alone(cache: Path) -> Generator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
