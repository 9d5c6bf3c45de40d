import json

import pytest

from cloche.dockerproxy import policy
from cloche.dockerproxy.explain import explanation, lines
from cloche.dockerproxy.settings import ProxySettings

ORDER = policy.CreateOrder("python", "e1", 256 << 20, 1000, 64, 64 << 20, 4096)
SETTINGS = ProxySettings(listen="fd:3", images={"cobol": "x"}, max_memory_bytes=12345678, max_attachments=77)


def test_every_route_field_bound_and_cap_is_told() -> None:
    text = "\n".join(lines(SETTINGS))
    for route in policy.ROUTES:
        assert f"\n  {route.method} {route.target}\n" in text
        if route.call in policy.OF_CONTAINER:
            assert policy.OF_CONTAINER[route.call](policy.ContainerId("{id}")).target in text
    for prefix, fields in (("", policy.CONFIG), ("HostConfig.", policy.HOST_CONFIG)):
        for field in fields:
            assert f"\n  {prefix}{field.name} = " in text
            assert f"\n    {field.why}\n" in text
    assert "aliases cobol" in text
    assert "6291456 to 12345678" in text
    assert "CLOCHE_DOCKERPROXY_MAX_ATTACHMENTS = 77" in text


@pytest.mark.parametrize("field", [f for f in policy.HOST_CONFIG if isinstance(f, policy.Fixed)], ids=lambda f: f.name)
def test_a_fixed_field_is_told_as_it_is_sent(field: policy.Fixed) -> None:
    told = next(line for line in lines(SETTINGS) if line.startswith(f"  HostConfig.{field.name} = "))
    value = json.loads(told.partition(" = ")[2])
    assert value == field.value or value[-1] == "seccomp=<dockerproxy/seccomp.json>"


def test_what_gvisor_adds_is_told() -> None:
    told = "\n".join(lines(SETTINGS.model_copy(update={"runtime": "runsc"})))
    assert 'HostConfig.Runtime = from the setting runtime, such as "runsc"' in told
    assert f"such as {policy.reserved_bytes(ORDER, 'runsc')}\n" in told
    assert f"such as {policy.reserved_bytes(ORDER, 'runc')}\n" not in told


def test_it_says_whose_settings_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOCHE_DOCKERPROXY_LISTEN", raising=False)
    assert explanation().startswith("Under the default settings")
    monkeypatch.setenv("CLOCHE_DOCKERPROXY_LISTEN", "fd:3")
    monkeypatch.setenv("CLOCHE_DOCKERPROXY_MAX_CONTAINERS", "5")
    assert "CLOCHE_DOCKERPROXY_MAX_CONTAINERS = 5" in explanation()
