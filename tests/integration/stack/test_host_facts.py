"""The doctor's facts where they can be had: in a user namespace this test may spoil what it likes."""

import errno
import json
import subprocess
import sys
from typing import Any

import pytest

from cloche.stack.host_facts import USERNS_SYSCTLS, look

_LOOK = (
    "import dataclasses, json; from cloche.stack.host_facts import look; print(json.dumps(dataclasses.asdict(look())))"
)


def facts_after(spoil: str) -> dict[str, Any]:
    """What ``look`` finds in namespaces of its own once a shell ran ``spoil`` there."""
    script = f'set -e; {spoil}; exec "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, sys.executable, _LOOK],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_sound_namespace_can_make_all_others() -> None:
    facts = facts_after("true")
    assert (facts["fork_error"], facts["refused"], facts["proc_error"]) == (0, [], 0)


@pytest.mark.parametrize(("kind", "refused"), [("net", "network"), ("pid", "pid"), ("user", "user")])
def test_switched_off_namespace_is_found(kind: str, refused: str) -> None:
    name = "user.max_user_namespaces" if kind == "user" else f"user.max_{kind}_namespaces"
    facts = facts_after(f"echo 0 > /proc/sys/{name.replace('.', '/')}")
    assert refused in facts["refused"]
    assert facts["sysctls"][name] == USERNS_SYSCTLS[name] == "0"


def test_masked_proc_is_found() -> None:
    facts = facts_after("mount --bind /dev/null /proc/version")
    assert (facts["refused"], facts["proc_error"]) == ([], errno.EPERM)


def test_missing_cgroups_are_found() -> None:
    facts = facts_after("mount -t tmpfs none /sys/fs/cgroup")
    assert facts["cgroups"]["writable"] == []


def test_this_machine_can_make_processes() -> None:
    assert look().fork_error == 0
