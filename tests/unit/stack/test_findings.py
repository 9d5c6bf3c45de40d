"""What ``cloche doctor`` says of disks, of a machine that is full of processes, and of a running executor's tiers."""

import errno
from pathlib import Path

import pytest

from cloche.contracts.execution import BrokenDefence, TierOffer
from cloche.stack.executor_findings import executor_findings, tier_findings
from cloche.stack.findings import disk_finding, examine
from cloche.stack.host_facts import HostFacts
from cloche.stack.options import Layout

PLACE = Path("/var/lib/cloche")
AT = "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("free_bytes", "free_inodes", "word"),
    [(1 << 20, 1 << 20, "the disk is full: 1 MiB"), (1 << 40, 3, "3 inodes"), (0, None, "the disk is full")],
)
def test_full_disk_is_told_with_its_remedy(free_bytes: int, free_inodes: int | None, word: str) -> None:
    finding = disk_finding(PLACE, free_bytes, free_inodes)
    assert finding.grade == "missing"
    assert word in finding.detail
    assert "--data-dir" in finding.remedy


@pytest.mark.parametrize("free_inodes", [1 << 20, None])
def test_disk_with_room_is_well(free_inodes: int | None) -> None:
    assert disk_finding(PLACE, 1 << 40, free_inodes).grade == "ok"


def test_machine_without_room_for_processes_is_asked_nothing_more(tmp_path: Path) -> None:
    findings = examine(tmp_path, lambda: HostFacts(fork_error=errno.EAGAIN))
    assert [finding.name for finding in findings] == ["processes", "disk"]


def test_executors_tiers_are_told_as_its_self_test_found_them() -> None:
    broken = [BrokenDefence(name="sockets", message="A program could make a socket: internet.")]
    sound, leaking, fresh = tier_findings(
        [
            TierOffer(isolation="process", healthy=True, features=["seccomp"], held=25, tested_at=AT),
            TierOffer(isolation="namespace", healthy=False, held=28, broken=broken, tested_at=AT),
            TierOffer(isolation="container", healthy=False),
        ]
    )
    assert (sound.grade, sound.detail) == ("ok", f"25 hostile programs were held at {AT}; seccomp")
    assert leaking.grade == "missing"
    assert "sockets: A program could make a socket" in leaking.detail
    assert (fresh.grade, fresh.detail) == ("limited", "its self-test still runs")
    assert leaking.remedy
    assert fresh.remedy


def test_nothing_is_said_of_an_executor_that_does_not_run(tmp_path: Path) -> None:
    assert list(executor_findings(Layout(tmp_path))) == []
