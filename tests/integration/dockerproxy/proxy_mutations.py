"""How each defence of the proxy is switched off, in the test's own process: nothing of it is in the product.

What takes a defence's place is what a careless proxy would do there: decode, normalise, let the last one win, pass on.
"""

import json
import math
import posixpath
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from attack import Defence

from cloche.dockerproxy import policy, request, server
from cloche.dockerproxy.callers import Gate
from cloche.dockerproxy.policy import Bounds, Cell, ContainerId, EngineRequest, Route
from cloche.dockerproxy.registry import Registry
from cloche.dockerproxy.streams import Streams
from cloche.kit.errors import NotFoundError
from cloche.kit.http_exchange import Exchange

Patch = pytest.MonkeyPatch


def _nothing(*_: Any, **__: Any) -> None:
    """In place of a check."""


def _lenient_lines(patch: Patch) -> None:
    """Line ends of any kind, folded lines joined, what is no header dropped."""

    async def read_head(reader: Any) -> tuple[bytes, bytes]:
        got = b""
        while not (end := re.search(rb"\n\r?\n", got)) or not got[: end.start()].strip():
            got += await reader.read(65536)
        text = got[: end.start()].decode("latin-1").lstrip()
        text = re.sub(r"\r?\n[ \t]+", " ", text)
        lines = [re.sub(r"[^\x20-\x7e]", "", line) for line in re.split(r"[\r\n]+", text)]
        lines = [lines[0], *(re.sub(r"\s*:\s*", ": ", line, count=1).strip() for line in lines[1:] if ":" in line[1:])]
        return "\r\n".join(lines).encode() + b"\r\n\r\n", got[end.end() :]

    patch.setattr(request, "_read_head", read_head)


def _lenient_request_line(patch: Patch) -> None:
    """Any method, any target, any version; matched when it has been decoded, cleaned and cut."""
    patch.setattr(request, "_REQUEST_LINE", re.compile(r"([A-Za-z]+) +(\S+)(?: +HTTP/[0-9.]+)?"))
    match = policy.match

    def cleaned(method: str, target: str) -> tuple[Route, ContainerId | None]:
        try:
            path = posixpath.normpath(unquote(urlsplit(target).path))
            return match(method.upper(), path)
        except NotFoundError:
            return match(method, target)

    patch.setattr(policy, "match", cleaned)


def _last_header_wins(patch: Patch) -> None:
    patch.setattr(request, "_add_header", lambda headers, name, value: headers.update({name: value}))


def _lenient_framing(patch: Patch) -> None:
    """Codings not looked at, the first number taken for the length."""

    def mend(headers: dict[str, str]) -> None:
        length = headers.get("content-length", "0")
        found = re.search(r"0x[0-9a-f]+|\d+", length)
        headers["content-length"] = str(int(found[0], 16 if found[0].startswith("0x") else 10)) if found else "0"
        if length.startswith("-"):
            headers["content-length"] = "0"

    patch.setattr(request, "_check_framing", mend)


def _no_bounds_of_size(patch: Patch) -> None:
    patch.setattr(request, "MAX_HEAD_BYTES", 1 << 20)
    patch.setattr(request, "MAX_HEADERS", 10_000)
    patch.setattr(policy, "MAX_BODY_BYTES", 1 << 20)


def _no_deadlines(patch: Patch) -> None:
    patch.setattr(request, "HEAD_S", 60.0)
    patch.setattr(request, "BODY_S", 60.0)


def _pass_on(patch: Patch) -> None:
    """What is no call goes to the Engine as it came."""
    match, answer = policy.match, server.Server._answer_plain
    unknown: Any = "passed on"

    def any_route(method: Any, target: str) -> tuple[Route, ContainerId | None]:
        try:
            return match(method, target)
        except NotFoundError:
            return Route(method, target, unknown, ""), None

    async def passed_on(self: Any, call: Any, asked: request.Request, decision: Any) -> tuple[int, str, bytes]:
        if call != unknown:
            return await answer(self, call, asked, decision)
        method: Any = asked.method
        await self._calls._engine.call(EngineRequest("x", method, asked.target, asked.body))
        return 200, "application/json", b"{}"

    patch.setattr(policy, "match", any_route)
    patch.setattr(server.Server, "_answer_plain", passed_on)


def _any_id(patch: Patch) -> None:
    patterns = tuple((route, re.compile(route.target.replace("{id}", "([^/]+)"))) for route, _ in policy._PATTERNS)
    patch.setattr(policy, "_PATTERNS", patterns)


def _any_container(patch: Patch) -> None:
    patch.setattr(Registry, "check", lambda _, container: container)


def _any_json(patch: Patch) -> None:
    def read(body: bytes) -> dict[str, Any]:
        text = body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff")
        return json.JSONDecoder().raw_decode(text)[0]

    patch.setattr(policy, "read_flat", read)


def _pass_on_keys(patch: Patch) -> None:
    """Unknown keys go into the body for the Engine; a missing number is 1."""
    body = policy.create_body
    more: dict[str, Any] = {}

    def take(order: dict[str, Any]) -> None:
        ours = {"image", "label", *policy._INTEGERS}
        more.update({key: order.pop(key) for key in set(order) - ours})
        order.update(dict.fromkeys(ours - set(order), 1))

    def with_more(cell: Cell) -> dict[str, Any]:
        return body(cell) | more

    patch.setattr(policy, "check_keys", take)
    patch.setattr(policy, "create_body", with_more)


def _any_image(patch: Patch) -> None:
    def take(image: Any, bounds: Bounds) -> None:
        bounds.images[image] = image

    patch.setattr(policy, "check_image", take)


def _any_number(patch: Patch) -> None:
    def take(order: dict[str, Any], _: Bounds) -> None:
        for key, value in order.items():
            if isinstance(value, float):
                order[key] = int(value) if math.isfinite(value) else 0

    patch.setattr(policy, "check_integers", take)


def _any_answer_is_101(patch: Patch) -> None:
    async def ask(self: Any, asked: EngineRequest, _: int) -> Exchange:
        exchange = await self._engine.open(asked)
        await exchange.head()
        return exchange

    patch.setattr(Streams, "_ask", ask)


def _without(owner: object, name: str) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(owner, name, _nothing)


OFF: dict[Defence, Callable[[Patch], None]] = {
    "strict-lines": _lenient_lines,
    "request-line": _lenient_request_line,
    "each-header-once": _last_header_wins,
    "framing": _lenient_framing,
    "second-opinion": _without(request, "_check_second_opinion"),
    "nothing-after": _without(request, "_check_nothing_after"),
    "sizes": _no_bounds_of_size,
    "deadlines": _no_deadlines,
    "peer": _without(Gate, "check_peer"),
    "token": _without(Gate, "check_token"),
    "closed-routes": _pass_on,
    "full-ids": _any_id,
    "own-ids": _any_container,
    "body-where-due": _without(server, "check_body"),
    "upgrade-where-due": _without(server, "check_upgrade"),
    "flat-json": _any_json,
    "exact-keys": _pass_on_keys,
    "configured-images": _any_image,
    "plain-label": _without(policy, "check_label"),
    "bounded-numbers": _any_number,
    "caps": _without(Registry, "_check_room"),
    "engines-101": _any_answer_is_101,
}


def switch_off(patch: Patch, defences: tuple[Defence, ...]) -> None:
    """From now on, until ``patch`` is undone, the proxy of this process has not these defences."""
    for defence in sorted(defences, key=list(OFF).index):
        OFF[defence](patch)
