"""One line in the log and one count for every decision."""

from dataclasses import dataclass, field
from typing import Any, Final

from cloche.dockerproxy import policy
from cloche.dockerproxy.callers import Peer
from cloche.dockerproxy.metrics import ProxyMetrics
from cloche.dockerproxy.policy import Call, ContainerId
from cloche.dockerproxy.request import Request
from cloche.kit.logs import get_logger

log = get_logger()

_MAX_ASKED: Final = 200


@dataclass
class Decision:
    """What is known of a request so far; ``write`` tells what became of it."""

    metrics: ProxyMetrics
    peer: Peer | None = None
    call: Call | None = None
    container: ContainerId | None = None
    asked: str | None = field(default=None, init=False)

    def understood(self, request: Request) -> None:
        """Its request line could be read; told where it is no call."""
        self.asked = escaped(f"{request.method} {request.target}")

    def write(self, status: int, *, reason: str | None = None) -> None:
        """Log and count it. ``reason`` is the proxy's own sentence."""
        decision = "allowed" if status < 400 else "refused"
        self.metrics.decisions.labels(call=self.call or "none", decision=decision).inc()
        facts: dict[str, Any] = {
            "decision": decision,
            "status": status,
            "call": self.call or "none",
            "caller_uid": self.peer and self.peer.uid,
            "caller_pid": self.peer and self.peer.pid,
            "container": self.container,
            "asked": self.asked if self.call is None else None,
            "reason": reason,
        }
        tell = log.debug if self.call in policy.OPEN_CALLS and status < 400 else log.info
        tell("proxy.decision", **{name: value for name, value in facts.items() if value is not None})


def escaped(text: str) -> str:
    """``text`` as one short line: nothing in it can end a line of a log or move a terminal's cursor."""
    line = text.encode("ascii", "backslashreplace").decode()
    line = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
    return line if len(line) <= _MAX_ASKED else f"{line[:_MAX_ASKED]}…"
