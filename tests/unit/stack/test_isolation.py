"""What ``cloche doctor`` says of machines that can't be had here: facts in, findings out."""

import errno
from dataclasses import replace
from typing import Any

import pytest

from cloche.stack.finding import Finding
from cloche.stack.host_facts import USERNS_SYSCTLS, CgroupFacts, HostFacts
from cloche.stack.isolation import isolation_findings

SOUND = HostFacts(
    kernel=(6, 12),
    seccomp="errno allow",
    landlock_abi=6,
    cgroups=CgroupFacts("2", memory=True, writable=("unified",)),
)
ALL = ("user", "mount", "cgroup", "uts", "ipc", "pid", "network")


def found(**changed: Any) -> dict[str, Finding]:
    findings = list(isolation_findings(replace(SOUND, **changed)))
    for finding in findings:
        assert (finding.remedy != "") == (finding.grade != "ok"), finding
    return {finding.name: finding for finding in findings}


def test_sound_machine_has_nothing_to_remedy() -> None:
    assert {finding.grade for finding in found().values()} == {"ok"}


@pytest.mark.parametrize("name", USERNS_SYSCTLS)
def test_sysctl_that_forbids_namespaces_is_named_with_its_remedy(name: str) -> None:
    finding = found(refused=ALL, sysctls={name: USERNS_SYSCTLS[name]})["namespaces"]
    assert finding.grade == "limited"
    assert f"{name}={USERNS_SYSCTLS[name]}" in finding.detail
    assert f"{name}={USERNS_SYSCTLS[name]}" not in finding.remedy
    assert f"sysctl -w {name}=" in finding.remedy


def test_refused_namespaces_without_a_sysctl_are_the_containers_doing() -> None:
    finding = found(refused=("user",), sysctls={"user.max_user_namespaces": "96000"})["namespaces"]
    assert "confines" in finding.detail
    assert "seccomp" in finding.remedy


def test_masked_proc_leaves_only_the_weaker_tier() -> None:
    by_name = found(proc_error=errno.EPERM)
    assert by_name["proc"].grade == by_name["tier namespace"].grade == "limited"
    assert "/proc" in by_name["tier namespace"].detail
    assert "systempaths" in by_name["proc"].remedy
    assert by_name["tier process"].grade == "ok"


def test_machine_with_neither_tier_is_not_fit() -> None:
    by_name = found(refused=ALL, landlock_abi=0, landlock_error=errno.ENOSYS, kernel=(5, 10))
    assert by_name["tier namespace"].grade == by_name["namespaces"].grade == "missing"
    assert by_name["tier process"].grade == "limited"


@pytest.mark.parametrize(("root", "grade"), [(True, "ok"), (False, "limited")])
def test_landlock_without_signals_gives_the_weaker_tier_to_root_only(root: bool, grade: str) -> None:
    by_name = found(landlock_abi=2, kernel=(6, 1), root=root)
    assert by_name["tier process"].grade == grade
    assert by_name["landlock"].grade == "limited"
    assert "6.12" in by_name["landlock"].remedy
    assert by_name["tier namespace"].grade == "ok"


@pytest.mark.parametrize(
    ("kernel", "error", "remedy"),
    [((5, 10), errno.ENOSYS, "5.13"), ((6, 1), errno.EOPNOTSUPP, "lsm="), ((6, 1), errno.ENOSYS, "CONFIG_")],
)
def test_missing_landlock_says_how_to_get_it(kernel: tuple[int, int], error: int, remedy: str) -> None:
    finding = found(kernel=kernel, landlock_abi=0, landlock_error=error)["landlock"]
    assert finding.grade == "limited"
    assert remedy in finding.remedy


def test_no_seccomp_means_no_cell() -> None:
    by_name = found(seccomp="")
    assert by_name["seccomp"].grade == by_name["tier namespace"].grade == "missing"


@pytest.mark.parametrize(
    ("groups", "word", "remedy"),
    [
        (CgroupFacts("none"), "none are mounted", "mount -t cgroup2"),
        (CgroupFacts("2", read_only=True, memory=True), "read-only", "--cgroupns"),
        (CgroupFacts("1", read_only=True, memory=True), "read-only", "--cgroupns"),
        (CgroupFacts("2", memory=False, writable=("unified",)), "without a memory controller", "cgroup_enable=memory"),
        (CgroupFacts("1", memory=False, writable=("pids",)), "without a memory controller", "cgroup_enable=memory"),
        (CgroupFacts("2", memory=True), "none is writable", "Delegate=yes"),
    ],
)
def test_cgroups_that_can_not_limit_memory_say_why_and_what_to_do(groups: CgroupFacts, word: str, remedy: str) -> None:
    by_name = found(cgroups=groups)
    assert by_name["cgroups"].grade == "limited"
    assert word in by_name["cgroups"].detail
    assert "sampled" in by_name["cgroups"].detail
    assert remedy in by_name["cgroups"].remedy
    assert by_name["tier namespace"].grade == "ok"


def test_version_1_cgroups_are_as_good() -> None:
    assert found(cgroups=CgroupFacts("1", memory=True, writable=("memory", "pids")))["cgroups"].grade == "ok"


def test_exhausted_processes_are_the_only_finding() -> None:
    by_name = found(fork_error=errno.EAGAIN)
    assert list(by_name) == ["processes"]
    assert by_name["processes"].grade == "missing"
    assert "pids.max" in by_name["processes"].remedy


@pytest.mark.parametrize(("error", "word"), [(errno.ENOENT, "no /dev/kvm"), (errno.EACCES, "can't be opened")])
def test_missing_kvm_matters_only_for_isolation_vm(error: int, word: str) -> None:
    finding = found(kvm_error=error)["kvm"]
    assert finding.grade == "limited"
    assert word in finding.detail
    assert "isolation vm" in finding.detail
