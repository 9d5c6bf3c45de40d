"""Requests that are read differently by different parsers, or that ask for what is no call."""

import json
from typing import TypeAlias

from attack import JSON, ORDER, UPGRADE, Attack, Defence, create, line

START = "POST /containers/<OWN>/start"
BODY = json.dumps(ORDER)
LENGTH = len(BODY)
FORM = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n"

#: By method and target. Source: moby, daemon/server/router.
ENDPOINTS = """
POST /containers/<OWN>/exec
POST /exec/<OWN>/start
POST /exec/<OWN>/resize
GET /exec/<OWN>/json
POST /containers/<OWN>/update
POST /containers/<OWN>/rename
POST /containers/<OWN>/resize
POST /containers/<OWN>/restart
POST /containers/<OWN>/stop
POST /containers/<OWN>/kill
POST /containers/<OWN>/pause
POST /containers/<OWN>/unpause
GET /containers/<OWN>/archive
GET /containers/<OWN>/export
GET /containers/<OWN>/changes
GET /containers/<OWN>/top
GET /containers/<OWN>/logs
GET /containers/<OWN>/stats
GET /containers/<OWN>/json
POST /containers/<OWN>/copy
GET /containers/<OWN>/checkpoints
POST /containers/<OWN>/checkpoints
GET /containers/<OWN>/attach/ws
GET /containers/json
POST /containers/create
POST /containers/prune
POST /commit
POST /build
POST /build/prune
POST /build/cancel
GET /images/json
POST /images/create
POST /images/load
GET /images/get
POST /images/debian/push
POST /images/debian/tag
DELETE /images/bash
POST /images/prune
GET /events
GET /info
GET /version
GET /_ping
GET /system/df
POST /auth
GET /distribution/debian/json
GET /volumes
POST /volumes/create
POST /volumes/prune
GET /networks
POST /networks/create
POST /networks/bridge/connect
POST /networks/prune
GET /plugins
POST /plugins/pull
POST /plugins/x/enable
POST /swarm/init
POST /swarm/join
GET /swarm/unlockkey
POST /services/create
GET /services
GET /nodes
GET /tasks
GET /secrets
POST /secrets/create
GET /configs
POST /configs/create
GET /debug/pprof/
GET /debug/vars
POST /session
POST /grpc
POST /v1.41/containers/<OWN>/start
POST /v1.24/containers/create
GET /v99/containers/json
POST /containers/<OWN>/startANYTHING
POST /containers/<OWN>/start/
POST //containers/<OWN>/start
POST /./containers/<OWN>/start
POST /containers/<OWN>/../../build
POST /containers/../containers/<OWN>/start
POST /Containers/<OWN>/start
GET /containers/<OWN>/start
DELETE /containers/<OWN>/start
DELETE /containers
POST /metrics
GET /
"""


def _refused(name: str, defence: Defence, sent: str | bytes, *also: Defence, status: int = 400) -> Attack:
    return Attack(name, defence, status, sent, also)


def _start(headers: str, rest: str = "") -> str:
    return line(START, headers, rest)


def _create(headers: str, body: str = BODY) -> str:
    return line("POST /containers", f"{JSON}{headers}", body)


CALLS = [
    _refused(words, "closed-routes", line(words), status=404) for words in ENDPOINTS.strip().splitlines()
] + [
    _refused("a session over h2c", "closed-routes", line("POST /session", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
             "upgrade-where-due", status=404),
    _refused("grpc over h2c", "closed-routes", line("POST /grpc", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
             "upgrade-where-due", status=404),
    _refused("a Dockerfile", "closed-routes", line("POST /build", "Content-Length: 6\r\n", "FROM x"),
             "body-where-due", status=404),
]  # fmt: skip
#: Name, bytes, and what else would refuse them.
Row: TypeAlias = tuple[str, str | bytes, tuple[Defence, ...]]
ODD_REQUEST_LINES: list[Row] = [
    ("a method in lower case", line("post /containers/<OWN>/start"), ()),
    ("a method in mixed case", line("Post /containers/<OWN>/start"), ()),
    ("an encoded slash", line("GET /containers%2fjson"), ("closed-routes",)),
    ("an encoded slash in upper case", line("GET /containers%2Fjson"), ("closed-routes",)),
    ("an encoded letter", line("POST /containers/<OWN>/%73tart"), ()),
    ("a letter encoded twice", line("POST /containers/<OWN>/%2573tart"), ("closed-routes",)),
    ("encoded dots", line("POST /containers/%2e%2e/containers/<OWN>/start"), ()),
    ("an encoded NUL", line("POST /containers/<OWN>/start%00"), ("closed-routes",)),
    ("an encoded line end", line("POST /containers/<OWN>/start%0d%0aX"), ("closed-routes",)),
    ("a signal", line("POST /containers/<OWN>/kill?signal=SIGWINCH"), ("closed-routes",)),
    ("a checkpoint", line("POST /containers/<OWN>/start?checkpoint=x&checkpoint-dir=/"), ()),
    ("detach keys", line("POST /containers/<OWN>/start?detachKeys=ctrl-p"), ()),
    ("a condition", line("POST /containers/<OWN>/wait?condition=not-running"), ()),
    ("an endless sample", line("GET /containers/<OWN>/stats?stream=1"), ("closed-routes",)),
    ("another filter", line("GET /containers?all=1&filters=x"), ()),
    ("a name for a container", create(BODY).replace(b"ers HTTP", b"ers?name=a&name=b HTTP"), ()),
    ("an empty query", line("GET /containers?"), ()),
    ("a semicolon", line("GET /containers;all=1"), ("closed-routes",)),
    ("a fragment", line("GET /containers#x"), ("closed-routes",)),
    ("absolute form", line("GET http://x/containers"), ()),
    ("absolute form of another host", line("GET http://evil/info"), ("closed-routes",)),
    ("authority form", line("CONNECT x:1"), ("closed-routes", "second-opinion")),
    ("asterisk form", line("OPTIONS *"), ("closed-routes",)),
    ("a backslash", line("GET /containers\\..\\info"), ("closed-routes",)),
    ("HTTP/1.0", f"{START} HTTP/1.0\r\nHost: x\r\n\r\n", ()),
    ("HTTP/0.9", "GET /containers\r\nHost: x\r\n\r\n", ("second-opinion",)),
    ("HTTP/2 by name", f"{START} HTTP/2.0\r\nHost: x\r\n\r\n", ("second-opinion",)),
    ("two spaces", "POST  /containers/<OWN>/start HTTP/1.1\r\nHost: x\r\n\r\n", ("second-opinion",)),
    ("HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\nHost: x\r\n\r\nSM\r\n\r\n",
     ("second-opinion", "closed-routes", "nothing-after")),
]  # fmt: skip
ODD_HEADS: list[Row] = [
    ("bare line feeds", f"{START} HTTP/1.1\nHost: x\n\n", ()),
    ("one bare line feed", f"{START} HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", ()),
    ("a bare carriage return", f"{START} HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", ()),
    ("a folded header", _start("A: b\r\n c\r\n"), ()),
    ("a folded coding", _start("Transfer-Encoding:\r\n chunked\r\n"), ("framing",)),
    ("a header folded by a tab", _start("A: b\r\n\tc\r\n"), ()),
    ("a space before the colon", _start("A : b\r\n"), ()),
    ("a coding with a space before the colon", _start("Transfer-Encoding : chunked\r\n"), ("framing",)),
    ("a tab before the colon", _start("A\t: b\r\n"), ()),
    ("a NUL in a header", _start("A: b\x00c\r\n"), ()),
    ("a vertical tab before a coding", _start("Transfer-Encoding: \x0bchunked\r\n"), ("framing",)),
    ("bytes that are not ASCII", _start("A: b\xe9\r\n"), ()),
    ("a header without a name", _start(": b\r\n"), ()),
    ("a header without a colon", _start("Ab\r\n"), ()),
    ("an empty line first", "\r\n" + _start(""), ()),
    ("a space first", " " + _start(""), ()),
    ("a space after a value", _start("A: b \r\n"), ()),
]
LINES = [
    _refused(f"the method {method} on {target}", "request-line", line(f"{method} {target}"),
             "second-opinion", "closed-routes")
    for method, target in (
        ("HEAD", "/_ping"),
        ("PUT", "/containers/<OWN>/archive"),
        ("HEAD", "/containers/<OWN>/archive"),
        ("PATCH", "/containers/<OWN>"),
        ("OPTIONS", "/containers"),
        ("TRACE", "/containers"),
        ("CONNECT", "/containers"),
    )
] + [_refused(name, "request-line", sent, *also) for name, sent, also in ODD_REQUEST_LINES]  # fmt: skip
HEADS = [_refused(name, "strict-lines", sent, *also) for name, sent, also in ODD_HEADS]
FRAMING = [
    _refused("two lengths that differ", "each-header-once",
             _create(f"Content-Length: 2\r\nContent-Length: {LENGTH}\r\n"), "second-opinion"),
    _refused("a length twice", "each-header-once",
             _create(f"Content-Length: {LENGTH}\r\ncontent-length: {LENGTH}\r\n")),
    _refused("two types", "each-header-once",
             _create(f"Content-Length: {LENGTH}\r\n{JSON}").replace(JSON, "Content-Type: text/plain\r\n", 1)),
    _refused("two Hosts", "each-header-once", _start("host: y\r\n"), "second-opinion"),
    _refused("two upgrades", "each-header-once",
             line("POST /containers/<OWN>/attach", "Upgrade: h2c\r\n" + UPGRADE)),
    _refused("two Connections", "each-header-once", _start("Connection: close\r\nConnection: keep-alive\r\n")),
    _refused("no Host", "framing", f"{START} HTTP/1.1\r\n\r\n", "second-opinion"),
    *[
        _refused(f"a coding {coding}", "framing",
                 _create(f"Content-Length: {LENGTH}\r\nTransfer-Encoding: {coding}\r\n"), "second-opinion")
        for coding in ("chunked", "xchunked", "identity", "gzip", "chunked, identity", "CHUNKED", "chunked, chunked")
    ],
    _refused("chunks", "framing", _start("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), "nothing-after"),
    _refused("chunks with extensions", "framing", _start("Transfer-Encoding: chunked\r\n", "0;a=b\r\n\r\n"),
             "nothing-after"),
    _refused("chunks and another request", "framing",
             _start("Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + line("DELETE /containers/<OWN>")),
             "nothing-after"),
    *[
        _refused(f"a length of {shape}", "framing",
                 _create(f"Content-Length: {shape.format(n=LENGTH)}\r\n"), "second-opinion")
        for shape in ("+{n}", "0{n}", "{n}, {n}", "0x{n:x}", "{n}.0", "{n};a")
    ],
    _refused("a negative length", "framing", _start("Content-Length: -1\r\n"), "second-opinion"),
    _refused("an expectation", "framing", _start("Expect: 100-continue\r\n")),
    _refused("trailers", "framing", _start("Trailer: A\r\n")),
    _refused("a TE", "framing", _start("TE: trailers\r\n")),
    _refused("settings of HTTP/2", "framing",
             _start("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
             "upgrade-where-due"),
]  # fmt: skip
AFTER = [
    _refused("a pipelined request", "nothing-after", line("GET /containers") + line("GET /info")),
    _refused("a pipelined request after an order", "nothing-after",
             create(BODY) + line("DELETE /containers/<OWN>").encode()),
    _refused("early bytes on attach", "nothing-after",
             line("POST /containers/<OWN>/attach", UPGRADE, "EARLY\n")),
    _refused("a request after an upgrade", "nothing-after",
             line("POST /containers/<OWN>/attach", UPGRADE, line("POST /build"))),
    _refused("a body without a length", "nothing-after", _start("", "{}")),
    _refused("a body of length 0", "nothing-after", _start("Content-Length: 0\r\n", "{}")),
    _refused("one byte after the body", "nothing-after", create(BODY) + b"x"),
    _refused("an empty line after the request", "nothing-after", _start("", "\r\n")),
]  # fmt: skip
SIZES = [
    _refused("a head too long", "sizes", _start(f"A: {'a' * 9000}\r\n"), status=413),
    _refused("a target too long", "sizes", line(f"GET /{'a' * 9000}"), "closed-routes", status=413),
    _refused("too many headers", "sizes", _start("".join(f"A{n}: b\r\n" for n in range(40)))),
    _refused("a body too long", "sizes", create(BODY + " " * 5000), status=413),
    Attack("a head that does not end", "deadlines", 400, f"{START} HTTP/1.1\r\nHost: x\r\n", late=b"\r\n"),
    Attack("a body that does not come", "deadlines", 400, create(BODY)[:-1], late=b"}"),
]
BODIES = [
    *[
        _refused(f"a form on {words}", "body-where-due", line(words, FORM, "signal=SIGTERM"))
        for words in (
            START,
            "POST /containers/<OWN>/wait",
            "DELETE /containers/<OWN>",
            "GET /containers/<OWN>",
            "GET /containers",
        )
    ],
    _refused("a form on attach", "body-where-due",
             line("POST /containers/<OWN>/attach", UPGRADE + FORM, "logs=1&stream=")),
    _refused("a body on start", "body-where-due", _start("Content-Length: 2\r\n", "{}")),
    _refused("a type without a body", "body-where-due", _start(JSON)),
    *[
        _refused(f"an order as {kind}", "body-where-due", create(BODY, f"Content-Type: {kind}\r\n"))
        for kind in (
            "text/plain",
            "application/json; charset=utf-16",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/vnd.docker+json",
            "APPLICATION/JSON",
        )
    ],
    _refused("an order without a type", "body-where-due", create(BODY, "")),
]  # fmt: skip
UPGRADES = [
    _refused(f"{headers!r} on {words}", "upgrade-where-due", line(words, headers))
    for words, headers in (
        ("GET /containers/<OWN>", UPGRADE),
        ("GET /containers", UPGRADE),
        (START, "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
        (START, "Upgrade: tcp\r\n"),
        (START, "Connection: keep-alive, UPGRADE\r\n"),
        ("POST /containers/<OWN>/attach", ""),
        ("POST /containers/<OWN>/attach", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
        ("POST /containers/<OWN>/attach", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        ("POST /containers/<OWN>/attach", "Connection: Upgrade\r\nUpgrade: TCP\r\n"),
        ("POST /containers/<OWN>/attach", "Connection: keep-alive, Upgrade\r\nUpgrade: tcp\r\n"),
        ("POST /containers/<OWN>/attach", "Upgrade: tcp\r\n"),
    )
]
IDS = [
    _refused(f"{words} of {identity[:9]}", "own-ids", line(words.replace("ID", identity), headers), status=404)
    for identity in ("<FOREIGN>", "0" * 64)
    for words, headers in (
        ("DELETE /containers/ID", ""),
        ("GET /containers/ID", ""),
        ("POST /containers/ID/start", ""),
        ("POST /containers/ID/wait", ""),
        ("POST /containers/ID/attach", UPGRADE),
    )
] + [
    _refused(f"the id {identity}"[:40], "full-ids", line(f"DELETE /containers/{identity}"), "own-ids", status=404)
    for identity in ("<SHORT>", "<UPPER>", "<NAME>", "<OWN>0", "0<OWN>", "<OWN>.", "json", "..", "a" * 63)
]
CALLERS = [
    Attack(f"a token that is {name}", "token", 401, line("GET /containers", headers), proxy="with a token")
    for name, headers in (
        ("missing", ""),
        ("wrong", "Authorization: Bearer wrong\r\n"),
        ("longer", "Authorization: Bearer right-token2\r\n"),
        ("shorter", "Authorization: Bearer right-toke\r\n"),
        ("in other case", "Authorization: Bearer RIGHT-TOKEN\r\n"),
        ("of another scheme", "Authorization: Basic right-token\r\n"),
        ("bare", "Authorization: right-token\r\n"),
        ("in another header", "X-Registry-Auth: Bearer right-token\r\n"),
    )
] + [Attack("another user", "peer", 403, line("GET /containers"), proxy="for others")]
CAPS = [
    Attack(f"one more where it is {name}", "caps", 429, create(BODY), proxy=name)
    for name in ("full", "without memory", "without CPU")
]
#: The Engine answers 200 and goes on reading: what the caller sends next must not be taken for a stream.
TUNNELS = [
    Attack("a stream without the Engine's 101", "engines-101", 503, line("POST /containers/<OWN>/attach", UPGRADE),
           proxy="whose Engine does not switch", late=line("DELETE /containers/<FOREIGN>").encode(), reaches=b"DELETE"),
]  # fmt: skip
ON_REQUESTS = [*CALLS, *LINES, *HEADS, *FRAMING, *AFTER, *SIZES, *BODIES, *UPGRADES, *IDS, *CALLERS, *CAPS, *TUNNELS]
