"""What a container may do and holds, seen from inside it and by its kernel."""

import json
from pathlib import Path

import pytest

from .system import System
from .test_reach import PARTS

SECRETS = {
    "front": set(),
    "api": {"api"},
    "queue": {"queue"},
    "executor": {"executor"},
    "dockerproxy": {"dockerproxy"},
    "postgres": {"postgres_password"},
    "redis": {"redis_conf"},
    "storage": {"storage"},
    "worker": {"worker"},
}
WRITE = "for place in / /etc /usr/bin /opt /run /srv /dev; do touch $place/x 2>/dev/null && echo $place; done; true"
COMPILERS = ("cc", "gcc", "c++", "g++", "clang", "ld", "as", "make", "pip")


@pytest.mark.parametrize("part", PARTS)
def test_processes_are_ordinary_users_without_capabilities_who_can_gain_none(system: System, part: str) -> None:
    pid = system.containers[part].pid
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert 0 not in map(int, status["Uid"].split())
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_no_two_parts_share_a_user(system: System) -> None:
    users = [system.inside(part, "id", "-u") for part in PARTS]
    assert len(set(users)) == len(users)


@pytest.mark.parametrize("part", PARTS)
def test_the_image_is_read_only_and_has_no_setuid_file_and_no_compiler(system: System, part: str) -> None:
    assert system.inside(part, "bash", "-c", WRITE) == ""
    assert system.inside(part, "find", "/", "-xdev", "-type", "f", "-perm", "/6000", check=False) == ""
    assert system.inside(part, "bash", "-c", f"command -v {' '.join(COMPILERS)}; true") == ""


@pytest.mark.parametrize("part", PARTS)
def test_memory_cpu_and_processes_are_limited_and_it_is_started_again(system: System, part: str) -> None:
    given = system.containers[part].facts["HostConfig"]
    assert 0 < given["Memory"] == given["MemorySwap"]
    assert given["NanoCpus"] > 0
    assert 0 < given["PidsLimit"] <= 256
    assert given["RestartPolicy"]["Name"] == "unless-stopped"


@pytest.mark.parametrize("part", PARTS)
def test_a_container_sees_its_own_secrets_alone(system: System, part: str) -> None:
    listed = system.inside(part, "bash", "-c", "ls /run/secrets 2>/dev/null; true")
    assert set(listed.split()) == SECRETS[part]


def test_no_secret_stands_in_an_environment_or_a_command_line(system: System) -> None:
    known = json.loads((system.secrets / "credentials.json").read_text())
    secrets = [known.pop("admin_password"), *(secret for names in known.values() for secret in names.values())]
    public = json.dumps([(found.facts["Config"], found.facts["Args"]) for found in system.containers.values()])
    assert not [secret for secret in (*secrets, system.admin_key) if secret in public]
