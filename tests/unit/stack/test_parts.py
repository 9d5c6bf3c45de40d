"""The parts hold what DESIGN.md section 1 allows and nothing more."""

import pytest

from cloche.stack.parts import PARTS, SOCKETS, identity_of, socket_gid, valkey_identity, wanted_parts
from cloche.stack.spawn import StackError

#: DESIGN.md section 1, "Allowed connections", as sockets.
ALLOWED = {
    "queue": {"pg", "valkey"},
    "storage": {"pg", "valkey", "queue-internal"},
    "worker": {"valkey", "queue-internal", "executor"},
    "executor": {"dockerproxy"},
    "dockerproxy": set(),
    "web": {"pg", "valkey", "queue-internal", "queue-public"},
}


def test_each_part_may_call_what_the_design_allows_and_no_more() -> None:
    assert {part.name: set(part.calls) for part in PARTS} == ALLOWED


def test_as_root_everybody_and_every_socket_has_numbers_of_its_own() -> None:
    users = [identity_of(part, 60_000).uid for part in PARTS] + [valkey_identity(60_000).uid]
    groups = [socket_gid(name, 60_000) for name in SOCKETS]
    assert len({*users, *groups}) == len(users) + len(groups)
    assert all(60_000 < number < 60_060 for number in (*users, *groups))


def test_every_socket_that_is_called_is_listened_on() -> None:
    listened = {socket for part in PARTS for socket in part.listens.values()} | {"pg", "valkey"}
    assert {socket for part in PARTS for socket in part.calls} <= listened
    assert listened - {"tcp"} == set(SOCKETS)


def test_the_proxy_runs_for_the_docker_engine_alone() -> None:
    assert "dockerproxy" not in [part.name for part in wanted_parts("local", None)]
    assert "dockerproxy" in [part.name for part in wanted_parts("docker", None)]


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(StackError, match="no such part: nothing"):
        wanted_parts("local", ("queue", "nothing"))
