"""Where cgroups can be made, and in which words it is said that they can't."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloche.executor.engines.local.cgroups.mounted import own_groups
from cloche.executor.engines.local.cgroups.roots import find_roots

_ASK = """
import json, sys
from cloche.executor.engines.local.cgroups.roots import find_roots
found = find_roots(tuple(sys.argv[1:]))
print(json.dumps([found.version, [str(path) for path in found.directories()], found.lacking]))
"""
_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make such a machine")
_UNIFIED = Path("/sys/fs/cgroup/cgroup.subtree_control").exists()
_ON_UNIFIED = pytest.mark.skipif(not _UNIFIED, reason="no unified cgroups: make test-cgroup2")


def _ask(*before: str, roots: tuple[str, ...] = ()) -> tuple[str, list[str], list[str]]:
    """What another process finds, started by the words ``before``."""
    done = subprocess.run(
        [*before, sys.executable, "-c", _ASK, *roots], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    version, directories, lacking = json.loads(done.stdout)
    return version, directories, lacking


def test_missing_directories_are_named() -> None:
    found = find_roots(("/nonexistent/a",))
    assert (found.version, found.directories()) == ("none", [])
    assert found.lacking == (
        "Memory is sampled, not limited by the kernel: /nonexistent/a does not exist.",
        "Processes are limited by rlimit: /nonexistent/a does not exist.",
    )


def test_directory_that_is_no_cgroup_offers_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    found = find_roots((str(tmp_path),))
    assert (found.version, len(found.lacking)) == ("none", 2)
    assert list(tmp_path.iterdir()) == []


@_AS_ROOT
def test_half_of_the_controllers_is_used_and_the_other_half_named() -> None:
    roots = find_roots()
    if roots.unified is not None or roots.pids is None:
        pytest.skip("version 1 alone has a hierarchy for each controller")
    found = find_roots((str(roots.pids),))
    assert (found.version, found.pids) == ("none", roots.pids)
    assert [sentence.partition(":")[0] for sentence in found.lacking] == [
        "Memory is sampled, not limited by the kernel"
    ]


@_AS_ROOT
def test_read_only_cgroups_are_said_to_be_read_only() -> None:
    points = sorted({str(group) for group in own_groups()}, key=len)
    tops = " ".join(f'"{point}"' for point in points)
    closed = f'for p in {tops}; do mount --bind "$p" "$p" && mount -o remount,bind,ro "$p"; done; exec "$@"'
    version, directories, lacking = _ask("unshare", "--mount", "sh", "-c", closed, "sh", roots=tuple(points))
    assert (version, directories, len(lacking)) == ("none", [], 2)
    assert all("is mounted read-only" in sentence for sentence in lacking)


@_AS_ROOT
def test_who_owns_no_group_is_told_how_to_get_one() -> None:
    # Everything is imported before the user changes: the interpreter may lie where another user does not get to.
    become = "import json, os, sys; os.setgroups([]); os.setresuid(65534, 65534, 65534); exec(sys.argv.pop(1))"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from cloche.executor.engines.local.cgroups import roots; roots.find_roots(); {become}",
            _ASK,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    version, directories, lacking = json.loads(done.stdout)
    assert (version, directories, len(lacking)) == ("none", [], 2)
    assert all("belongs to another user" in s for s in lacking)
    assert all("systemd-run --user --scope -p Delegate=yes" in s for s in lacking)


@_ON_UNIFIED
def test_processes_in_the_own_group_go_to_a_leaf_which_the_next_executor_knows() -> None:
    home = find_roots().unified
    assert home is not None
    group = home / "cloche-test-service"
    group.mkdir()
    inside = 'echo $$ > "$0/cgroup.procs"; sleep 300 >/dev/null 2>&1 & echo $! >&2; "$@" && exec "$@"'
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", inside, str(group), sys.executable, "-c", _ASK],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        first, second = (json.loads(line) for line in done.stdout.splitlines())
        assert first == second == ["2", [str(group)], []]
        assert (group / "cloche-main/cgroup.procs").read_text(encoding="ascii").split() == [done.stderr.strip()]
    finally:
        (group / "cgroup.kill").write_text("1", encoding="ascii")
        _remove_soon(group / "cloche-main")
        _remove_soon(group)


def _remove_soon(group: Path) -> None:
    """Its processes are killed; the kernel tells nobody when they are gone."""
    for _ in range(10_000):
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            continue
