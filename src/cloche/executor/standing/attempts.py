"""What the standing self-test tries in cells of every tier: one line an attempt.

Each is a subcommand of the probe (``executor/probe``) that says ``held``, or ``broken`` and what
it could do. An attempt with a ``limit`` may also be ended by that limit.
"""

from dataclasses import dataclass
from typing import Final

from cloche.contracts.limits import KIB, MIB, Limits
from cloche.contracts.record import LimitName
from cloche.contracts.words import ISOLATION_ORDER, Isolation

#: Replaced in arguments by what the executor lays out before: see ``baits``.
BAIT_FILE: Final = "{bait_file}"
BAIT_SOCKET: Final = "{bait_socket}"
EXECUTOR_PID: Final = "{executor_pid}"
CORE_PATTERN: Final = "{core_pattern}"

#: Those that every engine with namespaces gives a cell of its own, as /proc names them, by word.
NAMESPACES: Final = {f"{{{kind}_namespace}}": kind for kind in ("mnt", "pid", "net", "ipc", "uts")}

_EVERY: Final[frozenset[Isolation]] = frozenset(ISOLATION_ORDER)
#: Tier ``process`` has no namespaces: the host's process ids, file systems and bounding set stay as they are.
_NAMESPACED: Final = _EVERY - {"process"}
_GVISOR: Final[frozenset[Isolation]] = frozenset({"gvisor"})
#: gVisor counts no inodes, says not how a file system is mounted, and hides no process in /proc: its tier says so.
_LINUX: Final = _EVERY - _GVISOR


@dataclass(frozen=True)
class Attempt:
    """One hostile program. ``threat`` completes "a program could …".

    ``after`` names an attempt that runs just before in the same cell. ``within`` are its own limits.
    """

    name: str
    threat: str
    args: tuple[str, ...] = ()
    limit: LimitName | None = None
    within: Limits | None = None
    after: str = ""
    tiers: frozenset[Isolation] = _EVERY


@dataclass(frozen=True)
class Round:
    """Attempts that share a cell, one after another, and its limits."""

    limits: Limits
    attempts: tuple[Attempt, ...]


_ROOMY: Final = Limits(wall_time_s=5, cpu_time_s=5, memory_bytes=64 * MIB, disk_bytes=8 * MIB)

_DOORS: Final = (
    Attempt("host_files", "read files of this machine", (BAIT_FILE,)),
    Attempt("write_root", "write outside of its own directories"),
    Attempt(
        "readonly_mounts",
        "write to mounts that only show it files",
        ("/", "/usr", "/proc/sys"),
        tiers=_NAMESPACED & _LINUX,
    ),
    Attempt("kernel_files", "read or set what the kernel shows of the whole machine"),
    Attempt("launcher_words", "read the launcher's environment and memory map", tiers=_LINUX),
    Attempt("launcher_files", "read the launcher's orders or speak for it"),
    Attempt("devices", "open or make devices", tiers=_LINUX),
    Attempt("devices", "open or make devices", ("fuse", "net", "net/tun"), tiers=_GVISOR),
    Attempt(
        "setuid_files",
        "have set-user-id files and devices of its own honoured",
        ("/work", "/tmp", "/dev/shm"),  # noqa: S108  (the cell's own)
        tiers=_NAMESPACED & _LINUX,
    ),
    Attempt("other_processes", "see processes of others"),
    Attempt("launcher", "signal, trace, change or slow down the launcher or the executor", (EXECUTOR_PID,)),
    Attempt("left_processes", "leave a process behind", after="leave_process"),
    Attempt("privileges", "use or gain privileges"),
    Attempt("bounding_set", "have capabilities in its bounding set", tiers=_NAMESPACED),
    Attempt("filter", "call the kernel without a filter"),
    Attempt("namespaces", "make or enter namespaces"),
    Attempt("own_namespaces", "share a namespace with the executor", tuple(NAMESPACES), tiers=_NAMESPACED),
    Attempt("mounts", "mount file systems or change its root"),
    Attempt("kernel_doors", "use the kernel's wide doors: io_uring, bpf, perf, keyrings, userfaultfd"),
    Attempt("foreign_calls", "call the kernel by another architecture's numbers"),
    Attempt("sockets", "make sockets that are not local"),
    Attempt("beyond", "reach sockets of this machine or beyond", (BAIT_SOCKET,)),
    Attempt("descriptors", "use inherited descriptors"),
    Attempt("environment", "read the executor's environment", ("PROBE", "HOME", "TMPDIR")),
    Attempt("core_dumps", "have its memory dumped to this machine or given to a helper of it", (CORE_PATTERN,)),
    Attempt(
        "resources",
        "have more open files, stack or locked memory than allowed",
        (str(_ROOMY.open_files), str(_ROOMY.stack_bytes)),
    ),
)

_TIGHT: Final = Limits(
    wall_time_s=5,
    cpu_time_s=5,
    memory_bytes=32 * MIB,
    processes=8,
    disk_bytes=4 * MIB,
    inodes=64,
    file_bytes=MIB,
    output_bytes=4 * KIB,
)


def _tight(**changed: float) -> Limits:
    return _TIGHT.model_copy(update=changed)


# The arguments are twice the limit where engines may round it up.
_LIMITS: Final = (
    Attempt("processes", "have more processes than allowed", (str(2 * _TIGHT.processes),)),
    Attempt("memory", "use more memory than allowed", (str(2 * _TIGHT.memory_bytes // MIB),), limit="memory_bytes"),
    Attempt("file_size", "write larger files than allowed", (str(_TIGHT.file_bytes),), limit="file_bytes"),
    Attempt("disk", "fill more disk than allowed", (str(_TIGHT.disk_bytes),), tiers=_NAMESPACED),
    Attempt("inodes", "make more files than allowed", (str(2 * _TIGHT.inodes),), tiers=_NAMESPACED & _LINUX),
    Attempt("cpu_time", "use more CPU than allowed", ("100",), limit="cpu_time_s", within=_tight(cpu_time_s=0.1)),
    Attempt("wall_time", "run longer than allowed", ("100",), limit="wall_time_s", within=_tight(wall_time_s=0.1)),
    Attempt("output", "write more output than allowed", (str(_TIGHT.output_bytes),), limit="output_bytes"),
)

ROUNDS: Final = (Round(_ROOMY, _DOORS), Round(_TIGHT, _LIMITS))
#: Their results are not counted: they only prepare another.
PREPARATIONS: Final = {"leave_process": Attempt("leave_process", "leave a process behind")}
