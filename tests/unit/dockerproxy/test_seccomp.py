"""The containers' system call profile beside the table that the launcher filters programs with."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cloche.dockerproxy import policy
from cloche.executor.launcher import binary

PROFILE: dict[str, Any] = json.loads(policy.SECCOMP)
TABLE = Path(binary.__file__).with_name("filter_calls.c").read_text(encoding="utf-8")
REFUSED = re.findall(r"REFUSED\((\w+), \d", TABLE)
JUDGED = re.findall(r"(?:CHECKED|CALL)\((?:[A-Z_| ]+, )?(\w+), \d+, \w+, (\w+)\)", TABLE)

#: Part of the reference's list that the launcher's table, which lets through what it does not name, leaves alone.
ALSO_REFUSED = "io_submit io_getevents io_destroy mq_timedsend get_mempolicy socketcall ipc fanotify_mark"


def allowed(name: str) -> bool:
    return any(name in rule["names"] for rule in PROFILE["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW")


@pytest.mark.parametrize("name", [*REFUSED, *ALSO_REFUSED.split()])
def test_what_programs_are_refused_containers_are_refused_too(name: str) -> None:
    assert not allowed(name)


@pytest.mark.parametrize(("name", "judge"), JUDGED)
def test_what_programs_may_call_containers_may_call_too(name: str, judge: str) -> None:
    if judge == "absent":
        assert not allowed(name)
    else:
        assert allowed(name)


def test_both_tables_were_read() -> None:
    assert len(REFUSED) > 80
    assert {"clone3", "clone", "socket", "ioctl"} <= {name for name, _ in JUDGED}


@pytest.mark.parametrize("name", ["clone", "socket", "socketpair", "personality"])
def test_what_is_allowed_by_argument_is_never_allowed_without(name: str) -> None:
    rules = [rule for rule in PROFILE["syscalls"] if name in rule["names"]]
    assert rules
    assert all(rule["args"] for rule in rules)


def test_a_refused_call_is_an_error_and_no_other_architecture_is_spoken() -> None:
    assert (PROFILE["defaultAction"], PROFILE["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    assert {rule["action"] for rule in PROFILE["syscalls"]} == {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}
    assert all(arch["subArchitectures"] == [] for arch in PROFILE["archMap"])
