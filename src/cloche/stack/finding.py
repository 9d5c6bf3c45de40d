"""One thing that ``cloche doctor`` found out."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Grade = Literal["ok", "limited", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``limited``: Cloche works without it, less well. ``remedy`` says how to get what is not there."""

    area: str
    name: str
    grade: Grade
    detail: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
