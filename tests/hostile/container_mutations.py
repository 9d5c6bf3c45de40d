"""How each defence of a container is switched off alone, in a throwaway proxy: for tests of the tests.

What the launcher does inside as well is off with it, by its mutable build. Nothing of it is in the product.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from cloche.dockerproxy import policy
from cloche.dockerproxy.policy import Cell
from cloche.dockerproxy.registry import FIRST_UID

Body: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Mutation:
    """``off`` changes the container's description; ``programs`` must then get through.

    ``also`` are the launcher's own defences that would hide it.
    """

    off: Callable[[Body], None]
    programs: tuple[str, ...]
    also: tuple[str, ...] = ()


def _host(**changed: Any) -> Callable[[Body], None]:
    return lambda body: body["HostConfig"].update(changed)


def _whole(**changed: Any) -> Callable[[Body], None]:
    return lambda body: body.update(changed)


def _without(pattern: str) -> Callable[[Body], None]:
    """File systems without the options that match."""

    def off(body: Body) -> None:
        mounts: dict[str, str] = body["HostConfig"]["Tmpfs"]
        body["HostConfig"]["Tmpfs"] = {place: re.sub(pattern, "", options) for place, options in mounts.items()}

    return off


def _security(kept: str, put: str) -> Callable[[Body], None]:
    """Of the security options those that begin with ``kept``, and ``put``."""

    def off(body: Body) -> None:
        options: list[str] = body["HostConfig"]["SecurityOpt"]
        body["HostConfig"]["SecurityOpt"] = [option for option in options if option.startswith(kept)] + [put]

    return off


def _as(uid: int) -> Callable[[Body], None]:
    """One user for all, who owns where it writes."""

    def off(body: Body) -> None:
        mounts: dict[str, str] = body["HostConfig"]["Tmpfs"]
        own = {place: re.sub(r"([ug]id)=\d+", rf"\1={uid}", options) for place, options in mounts.items()}
        body["User"], body["HostConfig"]["Tmpfs"] = f"{uid}:{uid}", own

    return off


_MUCH: Final = 2 << 30
MUTATIONS: Final[dict[str, Mutation]] = {
    "capabilities": Mutation(_host(CapDrop=[]), ("capabilities", "privileges"), ("capabilities",)),
    "cgroup namespace": Mutation(_host(CgroupnsMode="host"), ("cgroup_path",)),
    "inodes": Mutation(_without(r",nr_inodes=\d+"), ("many_inodes", "deep_nesting")),
    "ipc namespace": Mutation(_host(IpcMode="host"), ("first_namespaces",)),
    "limits of processes": Mutation(_host(Ulimits=[]), ("lock_memory",), ("limit-memlock",)),
    "masked paths": Mutation(_host(MaskedPaths=[]), ("masked_proc", "host_files")),
    "memory": Mutation(_host(Memory=_MUCH, MemorySwap=_MUCH), ("hog_in_child", "hog_in_files", "hog_in_grandchild")),
    "network": Mutation(
        lambda body: (_host(NetworkMode="host")(body), _whole(NetworkDisabled=False)(body))[0],
        ("abstract_socket", "loopback_of_its_own"),
    ),
    "no-new-privileges": Mutation(
        _security("seccomp", "no-new-privileges=false"),
        ("privileges",),
        # The kernel takes no filter of the launcher's from a process without it.
        ("no-new-privs", "seccomp", "seccomp-sockets"),
    ),
    "number of processes": Mutation(_host(PidsLimit=4096), ("threads",)),
    "read-only root": Mutation(_host(ReadonlyRootfs=False), ("write_everywhere",)),
    "size of disk": Mutation(_without(r",size=\d+"), ("fill_disk", "fill_every_place", "fallocate")),
    "system calls": Mutation(
        _security("no-new", "seccomp=unconfined"),
        ("io_uring", "keyrings", "memfd_secret", "namespaces", "ptrace_anything", "userfaultfd"),
        ("seccomp", "seccomp-sockets"),
    ),
    "user": Mutation(_as(0), ("user_map",), ("user-of-programs",)),
    "user of its own": Mutation(_as(FIRST_UID), ("slot_users",)),
}


def switch_off(name: str, *, alone: bool) -> None:
    """From now on this process's containers are made without a defence; ``alone``: only what would hide it is off."""
    mutation = MUTATIONS[name]
    made = policy.create_body

    def create_body(cell: Cell) -> Body:
        body = made(cell)
        body["Env"] = [*body["Env"], f"CLOCHE_MUTATION={','.join(mutation.also)}"]
        if not alone:
            mutation.off(body)
        return body

    policy.create_body = create_body
