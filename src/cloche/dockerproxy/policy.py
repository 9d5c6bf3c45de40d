"""Everything that can pass, in one place: which requests are understood, and what the Engine is sent for each.

Nothing of a caller's bytes is forwarded. A request is one of ``ROUTES`` or refused; its body, for
the one call that has any, is read into ``CreateOrder`` or refused; and the Engine gets a request
that this module writes anew, the container's description from the tables ``CONFIG`` and
``HOST_CONFIG``, and ``gvisor``, what gVisor's has otherwise. The only values that travel from a
caller to the Engine are the five numbers and the label of a ``CreateOrder``, each within its bounds,
and ids that the Engine itself gave out to this proxy. ``cloche dockerproxy explain`` prints these tables.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NewType, TypeAlias
from urllib.parse import quote

from cloche.dockerproxy import gvisor
from cloche.dockerproxy.strict_json import read_flat
from cloche.kit.errors import InvalidRequestError, MalformedRequestError, NotFoundError

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
    "inspect",
    "delete",
]

Reads: TypeAlias = Literal["nothing", "an order", "an upgrade to a raw stream"]

#: A container is named by its full id. Names and prefixes mean whatever the Engine finds first.
_ID: Final = r"([0-9a-f]{64})"


@dataclass(frozen=True)
class Route:
    """One call. ``target`` is compared with the bytes that came: no query, no escapes, no version prefix.

    ``{id}`` in it stands for a full id. ``reads`` is all that is looked at after the head.
    """

    method: Literal["GET", "POST", "DELETE"]
    target: str
    call: Call
    answers: str
    reads: Reads = "nothing"

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the whole target must match."""
        return re.compile(re.escape(self.target).replace(r"\{id\}", _ID))


ROUTES: Final = (
    Route("GET", "/healthz", "healthz", "that the proxy runs"),
    Route("GET", "/readyz", "readyz", "that the Engine answers too"),
    Route("GET", "/metrics", "metrics", "counts, for Prometheus"),
    Route("GET", "/images", "images", "the aliases, their image ids, the OCI runtime"),
    Route("GET", "/containers", "list", "id, label, status and age of own containers"),
    Route("POST", "/containers", "create", "the id", reads="an order"),
    Route(
        "POST",
        "/containers/{id}/attach",
        "attach",
        "101 after the Engine's own, then the raw stream",
        reads="an upgrade to a raw stream",
    ),
    Route("POST", "/containers/{id}/start", "start", "nothing"),
    Route("POST", "/containers/{id}/wait", "wait", "the exit status, when there is one"),
    Route("GET", "/containers/{id}", "inspect", "status, exit status, whether memory ran out"),
    Route("DELETE", "/containers/{id}", "delete", "nothing"),
)
_PATTERNS: Final = tuple((route, route.pattern) for route in ROUTES)

#: Calls that tell nothing of containers and need no token.
OPEN_CALLS: Final[frozenset[Call]] = frozenset({"healthz", "readyz", "metrics"})

#: A ``CreateOrder`` is far shorter.
MAX_BODY_BYTES: Final = 4096

LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

#: The Engine's API: the first of these versions that an Engine speaks. Another may mean other semantics for the same
#: bytes; none of the calls and fields here changed between these two. 1.41 is the newest of Docker 20.10, 1.44 the
#: oldest of Docker 29. Source: the Engine API's version history.
APIS: Final = ("1.41", "1.44")
INSTANCE_LABEL: Final = "cloche.proxy"
CELL_LABEL: Final = "cloche.cell"
UID_LABEL: Final = "cloche.uid"
MEMORY_LABEL: Final = "cloche.memory"
CPUS_LABEL: Final = "cloche.cpus"
#: What an alias means where the settings name no images.
OWN_IMAGE: Final = "cloche/{}:latest"
ALIAS: Final = r"[a-z0-9][a-z0-9._+-]{0,63}"
LAUNCHER: Final = "/cloche/launcher"
WORK: Final = "/work"
_TMP: Final = "/tmp"  # noqa: S108  (inside the container)

_MIB: Final = 1024 * 1024
_SHM: Final = "/dev/shm"  # noqa: S108  (inside the container)
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
class EngineRequest:
    """A request as the Engine gets it, behind the version of its API. ``name`` is what metrics call it."""

    name: str
    method: Literal["GET", "POST", "DELETE"]
    target: str
    body: bytes = b""
    upgrade: bool = False
    versioned: bool = True


def reserved_bytes(order: CreateOrder, runtime: str) -> int:
    """Memory that the container's cgroup allows."""
    return gvisor.memory_bytes(order.memory_bytes, runtime)


def match(method: str, target: str) -> tuple[Route, ContainerId | None]:
    """The call that a request line means, and the id in it.

    Raises:
        NotFoundError: none.
    """
    for route, pattern in _PATTERNS:
        if method == route.method and (found := pattern.fullmatch(target)):
            return route, ContainerId(found[1]) if pattern.groups else None
    raise NotFoundError


def read_order(body: bytes, bounds: Bounds) -> CreateOrder:
    """The order in ``body``: exactly its keys, each once, exactly their types, within ``bounds``.

    Raises:
        MalformedRequestError: it is not plain flat JSON, or a key is there twice.
        InvalidRequestError: a key is missing or unknown, or a value is of another type or out of bounds.
    """
    if len(body) > MAX_BODY_BYTES:
        raise MalformedRequestError("The body is too long for an order.")
    order = read_flat(body)
    check_keys(order)
    check_image(order["image"], bounds)
    check_label(order["label"])
    check_integers(order, bounds)
    return CreateOrder(**order)


def check_keys(order: dict[str, Any]) -> None:
    """Return if ``order`` has the keys of a ``CreateOrder`` and no other.

    Raises:
        InvalidRequestError: it has not. So do the three below.
    """
    if set(order) != {"image", "label", *_INTEGERS}:
        raise InvalidRequestError("The body does not have exactly the keys of an order.")


def check_image(image: object, bounds: Bounds) -> None:
    """Return if ``image`` is an alias from the settings."""
    if type(image) is not str or image not in bounds.images:
        raise InvalidRequestError("There is no such image.")


def check_label(label: object) -> None:
    """Return if ``label`` is letters, digits, dots, underscores and dashes."""
    if type(label) is not str or not LABEL.fullmatch(label):
        raise InvalidRequestError("label: not 1 to 128 letters, digits, '.', '_' or '-'.")


def check_integers(order: dict[str, Any], bounds: Bounds) -> None:
    """Return if each number of ``order`` is one, within its bounds; a boolean is not a number."""
    for key, (least, most) in integer_bounds(bounds).items():
        if type(order[key]) is not int or not least <= order[key] <= most:
            raise InvalidRequestError(f"{key}: not an integer from {least} to {most}.")


_INTEGERS: Final = ("memory_bytes", "cpus_milli", "processes", "disk_bytes", "inodes")


def integer_bounds(bounds: Bounds) -> dict[str, tuple[int, int]]:
    """Least and most of each number of an order."""
    return {
        # The Engine refuses less than 6 MiB.
        "memory_bytes": (6 * _MIB, bounds.memory_bytes),
        "cpus_milli": (10, bounds.cpus_milli),
        "processes": (1, bounds.processes),
        "disk_bytes": (4096, bounds.disk_bytes),
        "inodes": (16, 1 << 20),
    }


@dataclass(frozen=True)
class Cell:
    """What a container's description is written from: the order, and what the proxy says of its own."""

    order: CreateOrder
    image_id: str
    uid: int
    instance: str
    runtime: str


@dataclass(frozen=True)
class Fixed:
    """A field that is the same in every container. ``why`` is for who audits."""

    name: str
    value: Any
    why: str

    def of(self, _: Cell) -> Any:
        """The value."""
        return self.value


@dataclass(frozen=True)
class Given:
    """A field whose value comes from ``source``."""

    name: str
    of: Callable[[Cell], Any]
    source: str
    why: str


def _tmpfs(cell: Cell) -> dict[str, str]:
    order, uid = cell.order, cell.uid
    size = f"size={order.disk_bytes},nr_inodes={order.inodes}"
    options = f"rw,exec,nosuid,nodev,{size},mode=0700,uid={uid},gid={uid}"
    # The Engine's own has as many inodes as the machine has pages.
    shm = f"rw,noexec,nosuid,nodev,size={_SHM_BYTES},nr_inodes={order.inodes},mode=1777"
    return {WORK: options, _TMP: options, _SHM: shm}


def _memory(cell: Cell) -> int:
    return reserved_bytes(cell.order, cell.runtime)


def _labels(cell: Cell) -> dict[str, str]:
    return {
        INSTANCE_LABEL: cell.instance,
        CELL_LABEL: cell.order.label,
        UID_LABEL: str(cell.uid),
        MEMORY_LABEL: str(_memory(cell)),
        CPUS_LABEL: str(cell.order.cpus_milli),
    }


def _ulimits(cell: Cell) -> list[dict[str, Any]]:
    limits = {
        # Not 0, which lets the host pipe dumps to a helper. Source: Linux, fs/coredump.c.
        "core": 1,
        # A page above what any of its files can hold, so that what fills one is told that it is full.
        "fsize": max(cell.order.disk_bytes, cell.order.memory_bytes) + 4096,
        "memlock": 65536,
        "msgqueue": 0,
        "nofile": 4096,
        "rtprio": 0,
    }
    return [{"Name": name, "Soft": most, "Hard": most} for name, most in limits.items()]


#: The Engine's API has no profile by name: it takes the JSON as a string.
SECCOMP: Final = json.dumps(json.loads(Path(__file__).with_name("seccomp.json").read_text(encoding="utf-8")))

#: What would tell of the host, or reach it. Source: moby's default, and what else a cell's view leaves out.
_MASKED: Final = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/bus",
    "/proc/cmdline",
    "/proc/driver",
    "/proc/fs",
    "/proc/interrupts",
    "/proc/irq",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/key-users",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/modules",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/slabinfo",
    "/proc/sysvipc",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/tty",
    "/proc/vmallocinfo",
    "/sys/block",
    "/sys/bus",
    "/sys/class",
    "/sys/dev",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/hypervisor",
    "/sys/kernel",
    "/sys/module",
    "/sys/power",
]

#: The container, whole: every field the Engine would otherwise default, and that matters, is written.
CONFIG: Final = (
    Given("Image", lambda cell: cell.image_id, "the id that the alias had at the start", "a tag can be moved"),
    Given(
        "User",
        lambda cell: gvisor.launcher_user(cell.uid, cell.runtime),
        "registry and runtime",
        "not root; gVisor's own kernel's, whose programs are the registry's",
    ),
    Fixed("Entrypoint", [LAUNCHER], "the cell launcher, whatever the image says"),
    Fixed("Cmd", [], "nothing of the image's"),
    Fixed("WorkingDir", "/", "nothing of the image's"),
    Fixed("Env", ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"], "no caller's words in the launcher's"),
    Fixed("Hostname", "cell", "the Engine would say the id"),
    Fixed("Tty", value=False, why="another framing, and detach keys"),
    Fixed("OpenStdin", value=True, why="programs come over stdin"),
    Fixed("StdinOnce", value=True, why="the end of the one caller is the end of stdin"),
    Fixed("AttachStdin", value=True, why="the raw stream"),
    Fixed("AttachStdout", value=True, why="the raw stream"),
    Fixed("AttachStderr", value=True, why="the raw stream"),
    Fixed("NetworkDisabled", value=True, why="no network"),
    Fixed("StopSignal", "SIGKILL", "an image could name one that stops nothing"),
    Fixed("Healthcheck", {"Test": ["NONE"]}, "an image's would run beside the program"),
    Given("Labels", _labels, "instance, order, registry", "a restarted proxy knows its own by them"),
)
HOST_CONFIG: Final = (
    Given("Runtime", lambda cell: cell.runtime, "the setting runtime", "one OCI runtime for all"),
    Fixed("Privileged", value=False, why="all devices and capabilities"),
    Fixed("NetworkMode", "none", "a loopback of its own and nothing else"),
    Fixed("PublishAllPorts", value=False, why="no network"),
    Fixed("IpcMode", "private", "no one else's shared memory"),
    Fixed("CgroupnsMode", "private", "no sight of the host's cgroups"),
    Fixed("PidMode", "", "a PID namespace of its own, whose end ends every process"),
    Fixed("UTSMode", "", "a host name of its own"),
    Fixed("UsernsMode", "", "a remapping Engine keeps remapping"),
    Fixed("ReadonlyRootfs", value=True, why="nothing is kept, the Engine's disk is not filled"),
    Fixed("CapDrop", ["ALL"], "no capability, and none to be had"),
    Given("CapAdd", lambda cell: gvisor.capabilities(cell.runtime), "the runtime",
          "none; of gVisor's own kernel those to give programs another user"),
    Fixed("SecurityOpt", ["no-new-privileges=true", f"seccomp={SECCOMP}"],
          "setuid files do nothing; the system calls of dockerproxy/seccomp.json and no other"),
    Fixed("MaskedPaths", _MASKED, "what tells of the host; an Engine's own list may be older"),
    Fixed("ReadonlyPaths", ["/proc/sys", "/proc/sysrq-trigger"], "the kernel's switches"),
    Fixed("Init", value=False, why="the launcher is PID 1: it reaps, and sees the end of its own stdin"),
    Given("Memory", _memory, "the order and the runtime", "memory, tmpfs included; 128 MiB more for gVisor's kernel"),
    Given("MemorySwap", _memory, "the order and the runtime", "the same, so there is no swap"),
    Fixed("OomKillDisable", value=False, why="a program that has used its memory is killed, not stopped"),
    Fixed("OomScoreAdj", 500, "when the host runs out, cells go first"),
    Given("NanoCpus", lambda cell: cell.order.cpus_milli * 1_000_000, "the order", "CPU"),
    Given("PidsLimit", lambda cell: gvisor.tasks(cell.order.processes, cell.runtime), "the order and the runtime",
          "processes and threads, and the launcher; for gVisor's kernel 8 times that and 128"),
    Fixed("ShmSize", _SHM_BYTES, "shared memory, which is memory too"),
    Given("Tmpfs", _tmpfs, "order and registry", "the only places to write; compilers need exec there"),
    Given("Ulimits", _ulimits, "fixed, and the order", "of each process; nproc would count across containers"),
    Fixed("LogConfig", {"Type": "none", "Config": {}}, "output fills no disk of the host and connects nowhere"),
    Fixed("RestartPolicy", {"Name": "no"}, "killed is killed"),
    Fixed("AutoRemove", value=False, why="its exit status must be there to be read"),
)  # fmt: skip


def create_body(cell: Cell) -> dict[str, Any]:
    """The container's description."""
    config = {field.name: field.of(cell) for field in CONFIG}
    return {**config, "HostConfig": {field.name: field.of(cell) for field in HOST_CONFIG}}


def create(name: str, body: dict[str, Any]) -> EngineRequest:
    """Make a container called ``name``, a name of the proxy's own."""
    return EngineRequest("create", "POST", f"/containers/create?name={name}", json.dumps(body).encode())


def attach(container: ContainerId) -> EngineRequest:
    """Take over stdin, stdout and stderr from now on."""
    query = "stream=1&stdin=1&stdout=1&stderr=1"
    return EngineRequest("attach", "POST", f"/containers/{container}/attach?{query}", upgrade=True)


def start(container: ContainerId) -> EngineRequest:
    """Start it."""
    return EngineRequest("start", "POST", f"/containers/{container}/start")


def wait(container: ContainerId) -> EngineRequest:
    """Wait for the next exit; without the condition a container not yet started has ended with 0."""
    return EngineRequest("wait", "POST", f"/containers/{container}/wait?condition=next-exit")


def inspect(container: ContainerId) -> EngineRequest:
    """Its state."""
    return EngineRequest("inspect", "GET", f"/containers/{container}/json")


def delete(container: ContainerId) -> EngineRequest:
    """Kill and remove it with everything that was made for it."""
    return EngineRequest("delete", "DELETE", f"/containers/{container}?force=1&v=1")


def list_own(instance: str) -> EngineRequest:
    """Every container that carries this instance's label, running or not."""
    filters = quote(json.dumps({"label": [f"{INSTANCE_LABEL}={instance}"]}), safe="")
    return EngineRequest("list", "GET", f"/containers/json?all=1&filters={filters}")


def list_images() -> EngineRequest:
    """The images that Cloche's own names stand for."""
    filters = quote(json.dumps({"reference": [OWN_IMAGE.format("*")]}), safe="")
    return EngineRequest("list_images", "GET", f"/images/json?filters={filters}")


def image(reference: str) -> EngineRequest:
    """What an image is."""
    return EngineRequest("image", "GET", f"/images/{quote(reference, safe='/:@')}/json")


def version() -> EngineRequest:
    """Which Engine it is; asked without a version, so that any Engine answers."""
    return EngineRequest("version", "GET", "/version", versioned=False)


#: What the Engine is sent for a call on one container.
OF_CONTAINER: Final[dict[Call, Callable[[ContainerId], EngineRequest]]] = {
    "attach": attach,
    "start": start,
    "wait": wait,
    "inspect": inspect,
    "delete": delete,
}
