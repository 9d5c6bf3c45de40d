"""What ``cloche doctor`` says of the Docker Engine: whether it is there, new enough, and has room and images."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from cloche.dockerproxy.engine import spoken
from cloche.dockerproxy.policy import OWN_IMAGE
from cloche.kit.errors import UnavailableError
from cloche.stack.finding import Finding
from cloche.stack.layout_folders import MIN_FREE_BYTES
from cloche.stack.unix_http import UnanswerableError, ask

AREA: Final = "docker"
DOCKER_SOCKET: Final = Path("/var/run/docker.sock")
_OLDEST: Final = "20.10"
_OWN: Final = quote(f'{{"reference":["{OWN_IMAGE.format("*")}"]}}', safe="")


@dataclass(frozen=True)
class EngineFacts:
    """What an Engine says of itself. ``free_bytes`` is None where its data lies out of sight."""

    version: dict[str, Any]
    info: dict[str, Any]
    images: list[dict[str, Any]]
    free_bytes: int | None


def docker_findings(path: Path | None = None) -> Iterator[Finding]:
    """Of the Engine at ``path``, by default that of ``cloche up --engine docker``. Blocks, for seconds at most."""
    path = path or Path(os.environ.get("CLOCHE_DOCKERPROXY_DOCKER_SOCKET", DOCKER_SOCKET))
    try:
        facts = _look(path)
    except UnanswerableError as error:
        remedy = "Only for --engine docker: apt install docker.io, start it, and let your user reach its socket."
        yield Finding(AREA, "engine", "limited", f"{path}: no Engine answers ({error})", remedy)
    else:
        yield from engine_findings(facts, path)


def engine_findings(facts: EngineFacts, path: Path) -> Iterator[Finding]:
    """What can be used of an Engine that answers. Pure."""
    version = str(facts.version.get("Version", "?"))
    try:
        api = spoken(facts.version)
    except UnavailableError as error:
        remedy = f"Cloche's Docker engine needs Docker {_OLDEST} or newer, and has been tried up to API 1.44."
        yield Finding(AREA, "engine", "limited", f"{version} at {path}: {error.detail}", remedy)
        return
    yield Finding(AREA, "engine", "ok", f"{version} at {path}, spoken to in API {api}")
    yield _room(facts)
    yield _images(facts.images)
    yield _gvisor(facts.info)


def _room(facts: EngineFacts) -> Finding:
    place = str(facts.info.get("DockerRootDir", "its data"))
    if facts.free_bytes is None:
        return Finding(AREA, "disk", "ok", f"{place} is not in sight from here")
    free = f"{facts.free_bytes // 2**20} MiB free for {place}"
    if facts.free_bytes < MIN_FREE_BYTES:
        remedy = "No container can be made. Free some space: docker system prune removes what nothing uses."
        return Finding(AREA, "disk", "limited", f"the Engine's disk is full: {free}", remedy)
    return Finding(AREA, "disk", "ok", free)


def _images(images: list[dict[str, Any]]) -> Finding:
    tags = sorted(tag for image in images for tag in image.get("RepoTags") or ())
    if not tags:
        remedy = "cloche images build python, or --all: what has no image is not offered there."
        return Finding(AREA, "images", "limited", "the Engine has none of Cloche's images", remedy)
    names = (tag.removeprefix("cloche/").removesuffix(":latest") for tag in tags)
    return Finding(AREA, "images", "ok", ", ".join(names))


def _gvisor(info: dict[str, Any]) -> Finding:
    known: dict[str, Any] = info.get("Runtimes") or {}
    runtimes = [name for name in known if name.startswith("runsc")]
    if runtimes:
        return Finding(AREA, "gvisor", "ok", f"OCI runtime {', '.join(runtimes)}")
    remedy = "For isolation gvisor: install runsc, register it with the Engine, and set CLOCHE_DOCKERPROXY_RUNTIME."
    return Finding(AREA, "gvisor", "limited", "the Engine has no OCI runtime runsc", remedy)


def _look(path: Path) -> EngineFacts:
    version, info = ask(path, "/version"), ask(path, "/info")
    images = cast(list[dict[str, Any]], ask(path, f"/images/json?filters={_OWN}"))
    return EngineFacts(version, info, images, _free(Path(str(info.get("DockerRootDir", "")))))


def _free(place: Path) -> int | None:
    try:
        found = os.statvfs(place)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
