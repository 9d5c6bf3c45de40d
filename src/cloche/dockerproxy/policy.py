"""Everything that can pass, in one place: which requests are understood, and what the Engine is sent for each.

Nothing of a caller's bytes is forwarded. A request is one of ``ROUTES`` or refused; its body, for
the one call that has any, is read into ``CreateOrder`` or refused; and the Engine gets a request
that this module writes anew. The only values that travel from a caller to the Engine are the five
numbers and the label of a ``CreateOrder``, each within its bounds, and ids that the Engine itself
gave out to this proxy.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, NewType, TypeAlias
from urllib.parse import quote

from cloche.kit.errors import InvalidRequestError, MalformedRequestError, NotFoundError, UnavailableError

ContainerId = NewType("ContainerId", str)
Call: TypeAlias = Literal[
    "healthz",
    "readyz",
    "metrics",
    "images",
    "list",
    "create",
    "attach",
    "start",
    "wait",
    "kill",
    "inspect",
    "stats",
    "delete",
]

#: A container is named by its full id. Names and prefixes mean whatever the Engine finds first.
_ID: Final = r"([0-9a-f]{64})"

#: Method, target and name of every call. A target is compared as the bytes that came: no query,
#: no escapes, no version prefix.
ROUTES: Final[tuple[tuple[str, re.Pattern[str], Call], ...]] = (
    ("GET", re.compile(r"/healthz"), "healthz"),
    ("GET", re.compile(r"/readyz"), "readyz"),
    ("GET", re.compile(r"/metrics"), "metrics"),
    ("GET", re.compile(r"/images"), "images"),
    ("GET", re.compile(r"/containers"), "list"),
    ("POST", re.compile(r"/containers"), "create"),
    ("POST", re.compile(rf"/containers/{_ID}/attach"), "attach"),
    ("POST", re.compile(rf"/containers/{_ID}/start"), "start"),
    ("POST", re.compile(rf"/containers/{_ID}/wait"), "wait"),
    ("POST", re.compile(rf"/containers/{_ID}/kill"), "kill"),
    ("GET", re.compile(rf"/containers/{_ID}"), "inspect"),
    ("GET", re.compile(rf"/containers/{_ID}/stats"), "stats"),
    ("DELETE", re.compile(rf"/containers/{_ID}"), "delete"),
)

#: Calls that tell nothing of containers and need no token.
OPEN_CALLS: Final[frozenset[Call]] = frozenset({"healthz", "readyz", "metrics"})

#: A ``CreateOrder`` is far shorter.
MAX_BODY_BYTES: Final = 4096

#: What JSON with flat, escape-free ASCII strings is made of.
_PLAIN_JSON: Final = re.compile(rb'[A-Za-z0-9 \t\r\n{}":,._+-]*')
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

#: The Engine's API version. Another one means other semantics for the same bytes.
_API: Final = "/v1.41"
INSTANCE_LABEL: Final = "cloche.proxy"
CELL_LABEL: Final = "cloche.cell"
UID_LABEL: Final = "cloche.uid"
LAUNCHER: Final = "/cloche/launcher"
WORK: Final = "/work"
_TMP: Final = "/tmp"  # noqa: S108  (inside the container)

_MIB: Final = 1024 * 1024
_SHM_BYTES: Final = 16 * _MIB


@dataclass(frozen=True)
class Bounds:
    """The most that one container may be given, and the images there are (alias → image id)."""

    memory_bytes: int
    cpus_milli: int
    processes: int
    disk_bytes: int
    images: dict[str, str]


@dataclass(frozen=True)
class CreateOrder:
    """All that a caller says about a container. ``label`` is the caller's name for it."""

    image: str
    label: str
    memory_bytes: int
    cpus_milli: int
    processes: int
    disk_bytes: int
    inodes: int


@dataclass(frozen=True)
class _Object:
    """A JSON object as it was read."""

    fields: dict[str, Any]


@dataclass(frozen=True)
class EngineRequest:
    """A request as the Engine gets it."""

    method: Literal["GET", "POST", "DELETE"]
    target: str
    body: bytes = b""
    upgrade: bool = False


def match(method: str, target: str) -> tuple[Call, ContainerId | None]:
    """The call that a request line means, and the id in it.

    Raises:
        NotFoundError: none.
    """
    for route_method, pattern, call in ROUTES:
        if method == route_method and (found := pattern.fullmatch(target)):
            return call, ContainerId(found[1]) if pattern.groups else None
    raise NotFoundError


def read_order(body: bytes, bounds: Bounds) -> CreateOrder:
    """The order in ``body``: exactly its keys, each once, exactly their types, within ``bounds``.

    Raises:
        MalformedRequestError: it is not plain flat JSON, or a key is there twice.
        InvalidRequestError: a key is missing or unknown, or a value is of another type or out of bounds.
    """
    if len(body) > MAX_BODY_BYTES or not _PLAIN_JSON.fullmatch(body):
        raise MalformedRequestError("The body is not plain JSON.")
    try:
        given: object = json.loads(body, object_pairs_hook=_each_key_once, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise MalformedRequestError("The body is not plain JSON with each key once.") from None
    if not isinstance(given, _Object) or set(given.fields) != {"image", "label", *_INTEGERS}:
        raise InvalidRequestError("The body does not have exactly the keys of an order.")
    order = given.fields
    if type(order["image"]) is not str or order["image"] not in bounds.images:
        raise InvalidRequestError("There is no such image.")
    if type(order["label"]) is not str or not _LABEL.fullmatch(order["label"]):
        raise InvalidRequestError("label: not 1 to 128 letters, digits, '.', '_' or '-'.")
    for key, (least, most) in _integer_bounds(bounds).items():
        if type(order[key]) is not int or not least <= order[key] <= most:
            raise InvalidRequestError(f"{key}: not an integer from {least} to {most}.")
    return CreateOrder(**order)


_INTEGERS: Final = ("memory_bytes", "cpus_milli", "processes", "disk_bytes", "inodes")


def _integer_bounds(bounds: Bounds) -> dict[str, tuple[int, int]]:
    return {
        # The Engine refuses less than 6 MiB.
        "memory_bytes": (6 * _MIB, bounds.memory_bytes),
        "cpus_milli": (10, bounds.cpus_milli),
        "processes": (1, bounds.processes),
        "disk_bytes": (4096, bounds.disk_bytes),
        "inodes": (16, 1 << 20),
    }


def _each_key_once(pairs: list[tuple[str, Any]]) -> _Object:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key twice")
    return _Object(fields)


def _refuse(_: str) -> Any:
    raise ValueError("not an integer")


def create_body(order: CreateOrder, *, image_id: str, uid: int, instance: str, runtime: str) -> dict[str, Any]:
    """The container, whole. Every field the Engine would otherwise default, and that matters, is written.

    ``Init`` is false because the cell launcher is PID 1: it reaps, and it must see its own
    stdin's end. Each container has a user of its own, since some kernel limits count by user
    across containers. One process more than ordered is the launcher itself. Programs
    may be executed from the work directory: compilers write there.
    """
    tmpfs = f"rw,exec,nosuid,nodev,size={order.disk_bytes},nr_inodes={order.inodes},mode=0700,uid={uid},gid={uid}"
    return {
        "Image": image_id,
        "User": f"{uid}:{uid}",
        "Entrypoint": [LAUNCHER],
        "Cmd": [],
        "WorkingDir": "/",
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"],
        "Hostname": "cell",
        "Tty": False,
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "NetworkDisabled": True,
        "StopSignal": "SIGKILL",
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {INSTANCE_LABEL: instance, CELL_LABEL: order.label, UID_LABEL: str(uid)},
        "HostConfig": {
            "Runtime": runtime,
            "Privileged": False,
            "NetworkMode": "none",
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "PidMode": "",
            "UTSMode": "",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges=true"],
            "Init": False,
            "Memory": order.memory_bytes,
            "MemorySwap": order.memory_bytes,
            "NanoCpus": order.cpus_milli * 1_000_000,
            "PidsLimit": order.processes + 1,
            "OomScoreAdj": 500,
            "ShmSize": _SHM_BYTES,
            "Tmpfs": {WORK: tmpfs, _TMP: tmpfs},
            "Ulimits": [
                # Not 0, which lets the host pipe dumps to a helper. Source: Linux, fs/coredump.c.
                {"Name": "core", "Soft": 1, "Hard": 1},
                {"Name": "memlock", "Soft": 65536, "Hard": 65536},
                {"Name": "nofile", "Soft": 4096, "Hard": 4096},
            ],
            "LogConfig": {"Type": "none", "Config": {}},
            "RestartPolicy": {"Name": "no"},
            "AutoRemove": False,
        },
    }


def create(name: str, body: dict[str, Any]) -> EngineRequest:
    """Make a container called ``name``, a name of the proxy's own."""
    return EngineRequest("POST", f"{_API}/containers/create?name={name}", json.dumps(body).encode())


def attach(container: ContainerId) -> EngineRequest:
    """Take over stdin, stdout and stderr from now on."""
    query = "stream=1&stdin=1&stdout=1&stderr=1"
    return EngineRequest("POST", f"{_API}/containers/{container}/attach?{query}", upgrade=True)


def start(container: ContainerId) -> EngineRequest:
    """Start it."""
    return EngineRequest("POST", f"{_API}/containers/{container}/start")


def wait(container: ContainerId) -> EngineRequest:
    """Wait for the next exit; without the condition a container not yet started has ended with 0."""
    return EngineRequest("POST", f"{_API}/containers/{container}/wait?condition=next-exit")


def kill(container: ContainerId) -> EngineRequest:
    """SIGKILL to PID 1, and so to everything in it."""
    return EngineRequest("POST", f"{_API}/containers/{container}/kill?signal=SIGKILL")


def inspect(container: ContainerId) -> EngineRequest:
    """Its state."""
    return EngineRequest("GET", f"{_API}/containers/{container}/json")


def stats(container: ContainerId) -> EngineRequest:
    """One sample of its cgroups."""
    return EngineRequest("GET", f"{_API}/containers/{container}/stats?stream=0&one-shot=1")


def delete(container: ContainerId) -> EngineRequest:
    """Kill and remove it with everything that was made for it."""
    return EngineRequest("DELETE", f"{_API}/containers/{container}?force=1&v=1")


def list_own(instance: str) -> EngineRequest:
    """Every container that carries this instance's label, running or not."""
    filters = quote(json.dumps({"label": [f"{INSTANCE_LABEL}={instance}"]}), safe="")
    return EngineRequest("GET", f"{_API}/containers/json?all=1&filters={filters}")


def image(reference: str) -> EngineRequest:
    """What a configured image is."""
    return EngineRequest("GET", f"{_API}/images/{quote(reference, safe='/:@')}/json")


def version() -> EngineRequest:
    """Which Engine it is; asked without a version, so that any Engine answers."""
    return EngineRequest("GET", "/version")


def check_version(answer: dict[str, Any]) -> None:
    """Return if the Engine that gave ``answer`` speaks the one API version that this module writes.

    Raises:
        UnavailableError: it is too old or too new.
    """
    least, most = str(answer.get("MinAPIVersion", "")), str(answer.get("ApiVersion", ""))
    if not _numbers(least) <= _numbers(_API) <= _numbers(most):
        raise UnavailableError(f"The Docker Engine speaks API {least} to {most}, not {_API.removeprefix('/v')}.")


def _numbers(version: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"[0-9]+", version)]
