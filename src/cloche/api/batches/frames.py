"""Frames, read once and remembered while they are in use."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

import orjson

from cloche.kit.postgres import Connection

#: A tenant and the content of a frame.
FrameKey = tuple[str, bytes]
#: What is remembered at most; frames of problems with many cases are large.
_KEPT: Final = 200
_KEPT_BYTES: Final = 16 * 1024 * 1024


class Frames:
    """The frames that were asked for last."""

    def __init__(self) -> None:
        self._known = OrderedDict[FrameKey, tuple[dict[str, Any], int]]()
        self._bytes = 0

    async def load(self, connection: Connection, wanted: Iterable[FrameKey]) -> dict[FrameKey, dict[str, Any]]:
        """Each of ``wanted``, parsed."""
        keys = set(wanted)
        found = {key: self._known[key][0] for key in keys & self._known.keys()}
        for key in found:
            self._known.move_to_end(key)
        if missing := [key for key in keys if key not in found]:
            rows = await connection.fetch(
                "SELECT f.tenant, f.id, f.body FROM unnest($1::text[], $2::bytea[]) AS w (tenant, id)"
                " JOIN frame f USING (tenant, id)",
                [tenant for tenant, _ in missing],
                [frame_id for _, frame_id in missing],
            )
            for row in rows:
                key, frame = (row["tenant"], row["id"]), orjson.loads(row["body"])
                found[key] = frame
                self._keep(key, frame, len(row["body"]))
        return found

    def _keep(self, key: FrameKey, frame: dict[str, Any], size: int) -> None:
        self._known[key] = (frame, size)
        self._bytes += size
        while len(self._known) > 1 and (len(self._known) > _KEPT or self._bytes > _KEPT_BYTES):
            _, (_, gone) = self._known.popitem(last=False)
            self._bytes -= gone
