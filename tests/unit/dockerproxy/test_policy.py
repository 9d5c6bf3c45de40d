import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.dockerproxy import policy
from cloche.dockerproxy.engine import spoken
from cloche.dockerproxy.policy import Bounds, Cell, ContainerId, CreateOrder
from cloche.kit.errors import ClocheError, InvalidRequestError, MalformedRequestError, NotFoundError, UnavailableError

IMAGE = "sha256:" + "a" * 64
BOUNDS = Bounds(memory_bytes=1 << 30, cpus_milli=4000, processes=100, disk_bytes=1 << 28, images={"python": IMAGE})
ORDER: dict[str, Any] = {
    "image": "python",
    "label": "e1.7f3a",
    "memory_bytes": 268435456,
    "cpus_milli": 1000,
    "processes": 64,
    "disk_bytes": 67108864,
    "inodes": 4096,
}
ID = ContainerId("0123456789abcdef" * 4)


def read(text: str | bytes) -> CreateOrder:
    return policy.read_order(text.encode() if isinstance(text, str) else text, BOUNDS)


def with_tail(tail: str) -> str:
    return json.dumps(ORDER)[:-1] + tail + "}"


def test_an_order_with_exactly_its_keys_is_read() -> None:
    assert read(json.dumps(ORDER)) == CreateOrder(**ORDER)


def test_the_create_body_is_the_golden_one() -> None:
    body = json.loads(json.dumps(policy.create_body(Cell(CreateOrder(**ORDER), IMAGE, 50007, "cloche", "runc"))))
    golden = Path(__file__).with_name("create_body.json")
    security = body["HostConfig"]["SecurityOpt"]
    assert json.loads(security[1].removeprefix("seccomp="))["defaultAction"] == "SCMP_ACT_ERRNO"
    security[1] = "seccomp=<seccomp.json>"
    assert body == json.loads(golden.read_text(encoding="utf-8"))


def test_gvisor_changes_the_runtime_the_room_for_its_kernel_and_the_launchers_user_alone() -> None:
    plain, gvisor = (
        policy.create_body(Cell(CreateOrder(**ORDER), IMAGE, 50007, "cloche", runtime)) for runtime in ("runc", "runsc")
    )
    host = gvisor["HostConfig"]
    assert host["Runtime"] == "runsc"
    assert host["Memory"] == host["MemorySwap"] == int(gvisor["Labels"]["cloche.memory"]) > ORDER["memory_bytes"]
    assert host["CapAdd"] == ["KILL", "SETGID", "SETPCAP", "SETUID"]
    assert host["PidsLimit"] > ORDER["processes"] + 1
    assert gvisor["User"] == "0:0"
    gvisor["User"] = plain["User"]
    for key in ("Runtime", "CapAdd", "Memory", "MemorySwap", "PidsLimit"):
        host[key] = plain["HostConfig"][key]
    gvisor["Labels"]["cloche.memory"] = plain["Labels"]["cloche.memory"]
    assert gvisor == plain


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(with_tail(',"image":"python"'), id="a key twice"),
        pytest.param(with_tail(',"HostConfig":{"Privileged":true},"HostConfig":{}'), id="an object twice"),
        pytest.param(with_tail(',"x":[1]'), id="an array"),
        pytest.param('{"image":"python\\u0000"}', id="an escape"),
        pytest.param(json.dumps(ORDER) + "{}", id="a second object"),
        pytest.param(json.dumps(ORDER) + "}}}}", id="closing braces after the end"),
        pytest.param("\ufeff" + json.dumps(ORDER), id="a byte order mark"),
        pytest.param(json.dumps(ORDER).encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"image":"\xff"}', id="not UTF-8"),
        pytest.param('{"\u017fmage":"python"}', id="a long s in a key"),
        pytest.param('{"inodes":1e3}', id="a float"),
        pytest.param('{"inodes":NaN}', id="not a number"),
        pytest.param('{"inodes":' + "9" * 3000 + "}" + " " * 2000, id="too long"),
        pytest.param('{"a":' * 600 + "1" + "}" * 600, id="deep nesting"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_not_plain_flat_json_is_malformed(body: str | bytes) -> None:
    with pytest.raises((MalformedRequestError, InvalidRequestError)):
        read(body)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Image": "python"}, id="a key in other case"),
        pytest.param({"HostConfig": {"Privileged": True}}, id="a key of the Engine"),
        pytest.param({"image": None}, id="null"),
        pytest.param({"image": "debian"}, id="an image nobody configured"),
        pytest.param({"image": IMAGE}, id="an image by its id"),
        pytest.param({"label": ""}, id="an empty label"),
        pytest.param({"label": "a" * 129}, id="a long label"),
        pytest.param({"label": "a b"}, id="a label with a space"),
        pytest.param({"processes": True}, id="a boolean for a number"),
        pytest.param({"processes": "1"}, id="a string for a number"),
        pytest.param({"processes": -1}, id="unlimited processes"),
        pytest.param({"processes": 101}, id="too many processes"),
        pytest.param({"memory_bytes": 0}, id="unlimited memory"),
        pytest.param({"memory_bytes": (1 << 30) + 1}, id="too much memory"),
        pytest.param({"cpus_milli": 0}, id="unlimited CPU"),
        pytest.param({"disk_bytes": 0}, id="an unlimited disk"),
        pytest.param({"inodes": 0}, id="unlimited inodes"),
    ],
)
def test_an_order_that_is_not_one_is_invalid(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        read(json.dumps(ORDER | change))


@pytest.mark.parametrize("key", sorted(ORDER))
def test_no_key_may_be_missing(key: str) -> None:
    with pytest.raises(InvalidRequestError):
        read(json.dumps({k: v for k, v in ORDER.items() if k != key}))


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises((MalformedRequestError, InvalidRequestError)):
        read(body)


@given(
    st.fixed_dictionaries(
        {
            key: st.integers() | st.text() | st.none() | st.floats() | st.booleans() | st.just(value)
            for key, value in ORDER.items()
        }
    )
)
def test_whatever_is_accepted_ends_in_the_one_shape(order: dict[str, Any]) -> None:
    """The oracle: with the seven values put in, an accepted body differs from the golden one nowhere else."""
    try:
        accepted = read(json.dumps(order))
    except ClocheError:
        return
    body = policy.create_body(Cell(accepted, IMAGE, 50007, "cloche", "runc"))
    host = body["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == accepted.memory_bytes
    assert 6 * 1024 * 1024 <= accepted.memory_bytes <= BOUNDS.memory_bytes
    assert 1 < host["PidsLimit"] <= BOUNDS.processes + 1
    assert 0 < host["NanoCpus"] <= BOUNDS.cpus_milli * 1_000_000
    plain = policy.create_body(Cell(CreateOrder(**ORDER), IMAGE, 50007, "cloche", "runc"))
    for key in ("Memory", "MemorySwap", "PidsLimit", "NanoCpus", "Tmpfs", "Ulimits"):
        del host[key], plain["HostConfig"][key]
    del body["Labels"], plain["Labels"]
    assert body == plain


@pytest.mark.parametrize(
    ("least", "most", "used"),
    [("1.12", "1.41", "1.41"), ("1.24", "1.50", "1.41"), ("1.41", "2.0", "1.41"), ("1.44", "1.52", "1.44")],
)
def test_an_engine_that_speaks_one_of_our_versions_is_spoken_to_in_it(least: str, most: str, used: str) -> None:
    assert spoken({"MinAPIVersion": least, "ApiVersion": most}) == used


@pytest.mark.parametrize(("least", "most"), [("1.45", "1.55"), ("1.12", "1.40"), ("1.12", "1.4"), ("", "")])
def test_an_engine_that_does_not_is_refused(least: str, most: str) -> None:
    with pytest.raises(UnavailableError):
        spoken({"MinAPIVersion": least, "ApiVersion": most})


def test_every_call_has_one_line() -> None:
    assert match("POST", f"/containers/{ID}/attach") == ("attach", ID)
    assert match("DELETE", f"/containers/{ID}") == ("delete", ID)
    assert match("GET", "/containers") == ("list", None)
    assert len({route.call for route in policy.ROUTES}) == len(policy.ROUTES)


def match(method: str, target: str) -> tuple[str, str | None]:
    route, container = policy.match(method, target)
    return route.call, container


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", f"/containers/{ID}/attach"),
        ("POST", f"/containers/{ID}/exec"),
        ("POST", f"/containers/{ID}/startANYTHING"),
        ("POST", f"/containers/{ID}/start/"),
        ("POST", f"/v1.41/containers/{ID}/start"),
        ("POST", f"/containers/{ID[:12]}/start"),
        ("POST", f"/containers/{ID.upper()}/start"),
        ("POST", f"/containers/{ID}\n/start"),
        ("POST", f"//containers/{ID}/start"),
        ("GET", "/containers/json"),
        ("POST", "/containers/create"),
    ],
)
def test_any_other_line_is_no_call(method: str, target: str) -> None:
    with pytest.raises(NotFoundError):
        policy.match(method, target)


def test_what_the_engine_is_asked_is_fixed() -> None:
    requests = [f(ID) for f in (policy.attach, policy.start, policy.wait, policy.delete, policy.inspect)]
    assert [(r.method, r.target.replace(ID, "ID"), r.body, r.upgrade) for r in requests] == [
        ("POST", "/containers/ID/attach?stream=1&stdin=1&stdout=1&stderr=1", b"", True),
        ("POST", "/containers/ID/start", b"", False),
        ("POST", "/containers/ID/wait?condition=next-exit", b"", False),
        ("DELETE", "/containers/ID?force=1&v=1", b"", False),
        ("GET", "/containers/ID/json", b"", False),
    ]
