"""From what this machine allows to what that means for Cloche, a sentence and a remedy each. Pure."""

import errno
import os
from collections.abc import Iterator
from typing import Final

from cloche.stack.finding import Finding, Grade
from cloche.stack.host_facts import USERNS_SYSCTLS, HostFacts

AREA: Final = "isolation"

#: Landlock came with it. Source: landlock(7).
_OLDEST_KERNEL: Final = (5, 13)
#: Landlock holds signals in since this ABI (Linux 6.12).
_SCOPING_ABI: Final = 6
_SENSIBLE_NAMESPACES: Final = 15000


def isolation_findings(facts: HostFacts) -> Iterator[Finding]:
    """The tiers of the local engine first, then what they are made of."""
    if facts.fork_error:
        yield _no_process(facts.fork_error)
        return
    namespace, process = list(_lacking_for_namespace(facts)), list(_lacking_for_process(facts))
    yield _namespace_tier(namespace, process)
    yield _process_tier(process)
    yield from _namespaces(facts, "limited" if not process else "missing")
    yield _seccomp(facts)
    yield _landlock(facts)
    yield _cgroups(facts)
    yield _kvm(facts)


def _no_process(error: int) -> Finding:
    detail = f"no further process can be made ({os.strerror(error)}), so nothing can run"
    remedy = (
        "End some processes, or raise what limits them: ulimit -u, the service's TasksMax= (pids.max of its cgroup), "
        "sysctl kernel.pid_max and kernel.threads-max."
    )
    return Finding(AREA, "processes", "missing", detail, remedy)


def _lacking_for_namespace(facts: HostFacts) -> Iterator[str]:
    if facts.refused:
        yield f"namespaces ({', '.join(facts.refused)})"
    elif facts.proc_error:
        yield "a /proc of its own"
    if not facts.seccomp:
        yield "seccomp"


def _lacking_for_process(facts: HostFacts) -> Iterator[str]:
    if facts.landlock_abi < _SCOPING_ABI and not (facts.root and facts.landlock_abi > 0):
        yield "Landlock (any, as root)" if facts.root else "Landlock that holds signals in (ABI 6, Linux 6.12)"
    if not facts.seccomp:
        yield "seccomp"


def _namespace_tier(lacking: list[str], without_process: list[str]) -> Finding:
    if not lacking:
        return Finding(AREA, "tier namespace", "ok", "programs run in namespaces of their own, the default")
    detail = f"there are no cells of namespaces here: {' and '.join(lacking)} can't be had"
    if without_process:
        return Finding(AREA, "tier namespace", "missing", detail, "See the lines below; or use --engine docker.")
    remedy = (
        "See the lines below; until then only programs that allow isolation process run "
        "(cloche up --default-isolation process)."
    )
    return Finding(AREA, "tier namespace", "limited", detail, remedy)


def _process_tier(lacking: list[str]) -> Finding:
    if not lacking:
        return Finding(AREA, "tier process", "ok", "weaker, without namespaces; only for programs that allow it")
    detail = f"the weaker tier without namespaces is not offered: it needs {' and '.join(lacking)}"
    return Finding(
        AREA, "tier process", "limited", detail, "Only needed where there are no namespaces: a newer kernel."
    )


def _namespaces(facts: HostFacts, grade: Grade) -> Iterator[Finding]:
    blockers = {name: facts.sysctls[name] for name, bad in USERNS_SYSCTLS.items() if facts.sysctls.get(name) == bad}
    if not facts.refused:
        yield Finding(AREA, "namespaces", "ok", "all can be made")
    elif blockers:
        said = ", ".join(f"{name}={value}" for name, value in blockers.items())
        remedy = f"sysctl -w {' '.join(f'{name}={_allowing(name)}' for name in blockers)}"
        yield Finding(AREA, "namespaces", grade, f"{said} switches off: {', '.join(facts.refused)}", remedy)
    else:
        remedy = (
            "In a container: --security-opt seccomp=unconfined, or a profile that allows clone, unshare and mount; "
            "in a systemd service: RestrictNamespaces=no."
        )
        detail = f"what confines this process refuses: {', '.join(facts.refused)}"
        yield Finding(AREA, "namespaces", grade, detail, remedy)
    if facts.proc_error and not facts.refused:
        remedy = "docker run --security-opt systempaths=unconfined; in Kubernetes procMount: Unmasked."
        detail = "a cell's own /proc is refused, because this container hides parts of its own"
        yield Finding(AREA, "proc", grade, f"{detail} ({os.strerror(facts.proc_error)})", remedy)


def _allowing(name: str) -> int:
    if name.startswith("user.max_"):
        return _SENSIBLE_NAMESPACES
    return 0 if "restrict" in name else 1


def _seccomp(facts: HostFacts) -> Finding:
    if not facts.seccomp:
        detail = "the kernel can't filter system calls, so no cell is made"
        return Finding(AREA, "seccomp", "missing", detail, "Use a kernel with CONFIG_SECCOMP_FILTER.")
    return Finding(AREA, "seccomp", "ok", facts.seccomp)


def _landlock(facts: HostFacts) -> Finding:
    abi = facts.landlock_abi
    if abi >= _SCOPING_ABI:
        return Finding(AREA, "landlock", "ok", f"ABI {abi}")
    kernel = ".".join(map(str, facts.kernel))
    if abi > 0:
        detail = f"ABI {abi} of Linux {kernel} holds files but not signals: isolation process is for root only"
        return Finding(AREA, "landlock", "limited", detail, "Use Linux 6.12 or newer, if you need it.")
    if facts.kernel < _OLDEST_KERNEL:
        detail = f"Linux {kernel} has none: cells of namespaces go without, and isolation process is not offered"
        return Finding(AREA, "landlock", "limited", detail, "Use Linux 5.13 or newer, for isolation process 6.12.")
    detail = f"Linux {kernel} does not offer it: cells of namespaces go without, and isolation process is not offered"
    if facts.landlock_error == errno.EOPNOTSUPP:
        return Finding(AREA, "landlock", "limited", detail, "Add landlock to lsm= on the kernel's command line.")
    remedy = "Use a kernel with CONFIG_SECURITY_LANDLOCK; in a container, a seccomp profile that allows its calls."
    return Finding(AREA, "landlock", "limited", detail, remedy)


def _cgroups(facts: HostFacts) -> Finding:
    groups = facts.cgroups
    if "memory" in groups.writable or ("unified" in groups.writable and groups.memory):
        version = "v2" if "unified" in groups.writable else f"v1: {', '.join(groups.writable)}"
        return Finding(AREA, "cgroups", "ok", version)
    instead = "memory is sampled instead"
    if groups.version == "none":
        remedy = "Mount them: mount -t cgroup2 none /sys/fs/cgroup; in a container, from its host."
        return Finding(AREA, "cgroups", "limited", f"none are mounted; {instead}", remedy)
    if not groups.memory:
        remedy = (
            "Boot with cgroup_enable=memory, or have the parent group pass it on: "
            "echo +memory +pids > cgroup.subtree_control."
        )
        return Finding(AREA, "cgroups", "limited", f"v{groups.version} without a memory controller; {instead}", remedy)
    if groups.read_only:
        remedy = "In a container: docker run --cgroupns private -v /sys/fs/cgroup:/sys/fs/cgroup:rw, or --privileged."
        return Finding(AREA, "cgroups", "limited", f"v{groups.version}, mounted read-only; {instead}", remedy)
    remedy = (
        "Start Cloche as root, or as a user in a delegated group: systemd-run --user --scope -p Delegate=yes cloche up."
    )
    return Finding(AREA, "cgroups", "limited", f"v{groups.version}, none is writable for this user; {instead}", remedy)


def _kvm(facts: HostFacts) -> Finding:
    if facts.kvm_error == 0:
        return Finding(AREA, "kvm", "ok", "/dev/kvm")
    if facts.kvm_error == errno.ENOENT:
        remedy = "Only for isolation vm: enable virtualisation in the firmware, or nested virtualisation on its host."
        return Finding(AREA, "kvm", "limited", "there is no /dev/kvm, so isolation vm can't be had", remedy)
    detail = f"/dev/kvm can't be opened ({os.strerror(facts.kvm_error)}), so isolation vm can't be had"
    return Finding(AREA, "kvm", "limited", detail, "Only for isolation vm: usermod -aG kvm for Cloche's user.")
