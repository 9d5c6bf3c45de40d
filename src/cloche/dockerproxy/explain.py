"""The policy for a person who audits it, printed from the tables that decide. Nothing is run or asked."""

import json
from collections.abc import Iterator
from typing import Final

from cloche.contracts.limits import MIB
from cloche.dockerproxy import policy
from cloche.dockerproxy.policy import Cell, ContainerId, CreateOrder, EngineRequest, Fixed, Given, Route
from cloche.dockerproxy.registry import FIRST_UID
from cloche.dockerproxy.request import BODY_S, HEAD_S, MAX_HEAD_BYTES, MAX_HEADERS, METHODS
from cloche.dockerproxy.settings import ProxySettings
from cloche.kit.settings import SettingsError

_ID: Final = ContainerId("{id}")
_INSTANCE: Final = "{instance}"
#: The calls that are not about one container.
_OF_ENGINE: Final[dict[str, EngineRequest]] = {
    "readyz": policy.version(),
    "list": policy.list_own(_INSTANCE),
    "create": policy.create(f"{_INSTANCE}-{{random}}", {}),
}
#: Settings that bound what callers can have.
_CAPS: Final = ("max_", "creates_", "linger_", "idle_")


def explanation() -> str:
    """The policy under the settings of this process's environment, or else under the defaults, which it says."""
    try:
        settings, of = ProxySettings.load(), "the settings here"
    except SettingsError:
        settings, of = ProxySettings(listen="fd:3"), "the default settings: there are none here"
    return "\n".join((f"Under {of}.", *lines(settings)))


def lines(settings: ProxySettings) -> Iterator[str]:
    """The whole policy as a proxy with ``settings`` has it, line by line."""
    yield "Docker Socket Proxy: all that can pass. What is not listed is refused."
    yield from _requests()
    yield from _order(settings)
    yield from _body(settings)
    yield from _caps(settings)


def _requests() -> Iterator[str]:
    yield ""
    yield "REQUESTS"
    yield f"  One request a connection: {', '.join(METHODS)}; HTTP/1.1; a head of at most {MAX_HEAD_BYTES} bytes and"
    yield f"  {MAX_HEADERS} headers within {HEAD_S:g} s, a body of at most {policy.MAX_BODY_BYTES} within {BODY_S:g} s."
    yield "  Read of the head: the request line, Host (that it is there), Content-Length, Content-Type, Connection,"
    yield "  Upgrade, Authorization. No header of a caller is sent on. {id} is 64 hexadecimal digits of a container"
    yield "  that this proxy made. No query, no escapes, no version prefix. {api} is the first of the versions"
    yield f"  {', '.join(policy.APIS)} that the Engine speaks."
    for route in policy.ROUTES:
        token = "" if route.call in policy.OPEN_CALLS else ", the token if one is set"
        yield ""
        yield f"  {route.method} {route.target}"
        yield f"    reads    {route.reads}{token}"
        yield f"    sends    {_sent(route)}"
        yield f"    answers  {route.answers}"


def _sent(route: Route) -> str:
    request = policy.OF_CONTAINER[route.call](_ID) if route.call in policy.OF_CONTAINER else _OF_ENGINE.get(route.call)
    if request is None:
        return "nothing"
    more = ", the body below" if request.body else ", asking for a raw stream" if request.upgrade else ""
    version = "/v{api}" if request.versioned else ""
    return f"{request.method} {version}{request.target}{more}"


def _order(settings: ProxySettings) -> Iterator[str]:
    bounds = settings.bounds({})
    yield ""
    yield "THE ORDER: one flat JSON object with exactly these keys, each once, in ASCII without escapes"
    yield f"  image         {_images(settings.images)}"
    yield f"  label         {policy.LABEL.pattern}"
    for key, (least, most) in policy.integer_bounds(bounds).items():
        yield f"  {key:<13} an integer from {least} to {most}"


def _images(named: dict[str, str] | None) -> str:
    if named is None:
        return f"{policy.ALIAS}, where the Engine has {policy.OWN_IMAGE.format('ALIAS')}"
    return f"one of the aliases {', '.join(sorted(named))}"


def _body(settings: ProxySettings) -> Iterator[str]:
    sample = Cell(
        order=CreateOrder("python", "e1", 256 * MIB, 1000, 64, 64 * MIB, 4096),
        image_id="sha256:…",
        uid=FIRST_UID,
        instance=_INSTANCE,
        runtime=settings.runtime,
    )
    yield ""
    yield "THE CONTAINER: every field that the Engine is sent, and no other"
    for prefix, fields in (("", policy.CONFIG), ("HostConfig.", policy.HOST_CONFIG)):
        for field in fields:
            yield f"  {prefix}{field.name} = {_value(field, sample)}"
            yield f"    {field.why}"


def _value(field: Fixed | Given, sample: Cell) -> str:
    if isinstance(field, Given):
        return f"from {field.source}, such as {json.dumps(field.of(sample), ensure_ascii=False)}"
    # The system call profile is a file that can be read by itself.
    return json.dumps(field.value).replace(json.dumps(policy.SECCOMP)[1:-1], "<dockerproxy/seccomp.json>")


def _caps(settings: ProxySettings) -> Iterator[str]:
    yield ""
    yield "CAPS: beyond them 429, or the end"
    for name, field in ProxySettings.model_fields.items():
        if name.startswith(_CAPS):
            yield f"  {ProxySettings.prefix}{name.upper()} = {getattr(settings, name)}"
            yield f"    {field.description}"
