"""A submission out of its layers, and a program out of its problem's frame and its sample's own part. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson

from cloche.contracts.submission import Program

#: Said in several layers, these are merged name by name.
_MERGED: Final = frozenset({"limits", "compile_limits", "env", "labels"})
#: Beside its program, a frame holds what stands around each sample's source.
_AROUND: Final = ("prefix", "suffix")


def merge(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One submission of what these say, the later over the earlier; ``files`` of all of them."""
    merged: dict[str, Any] = {}
    files: list[Any] = []
    for layer in layers:
        for name, value in layer.items():
            if name == "files" and value is not None:
                files += value
            elif name in _MERGED and isinstance(value, dict) and name in merged:
                merged[name] = {**merged[name], **value}
            else:
                merged[name] = value
    if files:
        merged["files"] = files
    return merged


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and without spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def content_id(body: bytes) -> bytes:
    """The SHA-256 that a body is stored under."""
    return sha256(body).digest()


@dataclass(frozen=True, slots=True)
class Own:
    """What is a sample's own of its program: its files, which of them starts, and what differs from the frame."""

    files: list[dict[str, Any]]
    entrypoint: str
    differing: Mapping[str, Any]

    def encode(self) -> bytes:
        """As stored in ``submission.program``."""
        return orjson.dumps({**self.differing, "files": self.files, "entrypoint": self.entrypoint})


def make_frame(program: Program, files: list[dict[str, Any]], prefix: str, suffix: str) -> bytes:
    """What every sample of a problem shares: ``program`` with only the problem's own ``files``."""
    shared = program.model_dump(mode="json", exclude={"files", "entrypoint"})
    return canonical({**shared, "files": files, "prefix": prefix, "suffix": suffix})


def own_part(program: Program, frame: Mapping[str, Any], files: list[dict[str, Any]]) -> Own:
    """A sample's part of ``program``; ``files`` are the sample's as it sent them."""
    dumped = program.model_dump(mode="json", exclude={"files", "entrypoint", "cases", "tests"})
    return Own(files, program.entrypoint, {k: v for k, v in dumped.items() if frame.get(k) != v})


def compose(frame: Mapping[str, Any], own: bytes) -> dict[str, Any]:
    """The whole program as JSON. ``frame`` is parsed, ``own`` as ``Own.encode`` made it."""
    part: dict[str, Any] = orjson.loads(own)
    start = part["entrypoint"]
    files = [_around(frame, file) if file["path"] == start else file for file in part["files"]]
    shared = {name: value for name, value in frame.items() if name not in _AROUND}
    return {**shared, **part, "files": [*files, *frame["files"]]}


def _around(frame: Mapping[str, Any], file: dict[str, Any]) -> dict[str, Any]:
    if not (frame["prefix"] or frame["suffix"]):
        return file
    return {**file, "content": f"{frame['prefix']}{file['content']}{frame['suffix']}"}
