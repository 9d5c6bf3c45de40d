"""What an attack on the proxy is, and the defences that one can name."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

Defence: TypeAlias = Literal[
    # how a request is read
    "strict-lines",
    "request-line",
    "each-header-once",
    "framing",
    "second-opinion",
    "nothing-after",
    "sizes",
    "deadlines",
    # who may ask, and for what
    "peer",
    "token",
    "closed-routes",
    "full-ids",
    "own-ids",
    "body-where-due",
    "upgrade-where-due",
    # what an order may say
    "flat-json",
    "exact-keys",
    "configured-images",
    "plain-label",
    "bounded-numbers",
    # what there may be in all
    "caps",
    "engines-101",
]
DEFENCES: tuple[Defence, ...] = get_args(Defence)

ORDER: dict[str, Any] = {
    "image": "bash",
    "label": "attack",
    "memory_bytes": 33554432,
    "cpus_milli": 1000,
    "processes": 8,
    "disk_bytes": 1048576,
    "inodes": 64,
}
TOKEN = "right-token"  # an attacker does not know it

#: What the proxy that an attack needs is told, by the attack's ``proxy``. It has one container.
PROXIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "with a token": {"token": TOKEN},
    "for others": {"allowed_uids": [4_000_000]},
    "full": {"max_containers": 1, "creates_per_s": 10_000},
    "without memory": {"max_total_memory_bytes": ORDER["memory_bytes"]},
    "whose Engine does not switch": {},
    "without CPU": {"max_total_cpus_milli": ORDER["cpus_milli"]},
}


@dataclass(frozen=True)
class Attack:
    """Bytes, and the first defence that they meet.

    ``also`` are the defences that would refuse them too. In ``sent``, ``<OWN>`` stands for the id of
    a container of this proxy, ``<FOREIGN>`` for one that the Engine has but this proxy did not make,
    ``<SHORT>`` for the first twelve digits of ``<OWN>``, ``<UPPER>`` for it in capitals, ``<NAME>``
    for ``<FOREIGN>``'s name. ``late`` is sent when the proxy has not answered for a while.
    ``reaches`` is what of it the Engine would get without the defence, beyond any request at all.
    """

    name: str
    defence: Defence
    status: int
    sent: str | bytes
    also: tuple[Defence, ...] = ()
    proxy: str = "plain"
    late: bytes = b""
    reaches: bytes = b""

    def bytes_for(self, *, own: str, foreign: str, name: str) -> bytes:
        """What is sent."""
        sent = self.sent if isinstance(self.sent, bytes) else self.sent.encode()
        words = {"OWN": own, "FOREIGN": foreign, "SHORT": own[:12], "UPPER": own.upper(), "NAME": name}
        for word, meaning in words.items():
            sent = sent.replace(f"<{word}>".encode(), meaning.encode())
        return sent


def line(request_line: str, headers: str = "", body: str = "") -> str:
    """A request that is right but for what is said here."""
    return f"{request_line} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}"


JSON = "Content-Type: application/json\r\n"
UPGRADE = "Connection: Upgrade\r\nUpgrade: tcp\r\n"


def create(body: str | bytes, headers: str = JSON) -> bytes:
    """A create call with any body."""
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return line("POST /containers", f"{headers}Content-Length: {len(raw)}\r\n").encode() + raw
