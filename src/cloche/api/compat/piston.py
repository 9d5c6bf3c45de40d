"""Piston's ``/execute`` as an evaluation, checked in its order and with its words. Pure.

Source: github.com/engineer-man/piston at 0a844d0, ``api/src/api/v2.js`` and ``api/src/job.js``.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, cast

from cloche.api.compat.ending import QUEUE_TIMEOUT_S
from cloche.api.compat.lenient import lenient_base64
from cloche.api.compat.options import DoorOptions
from cloche.api.compat.piston_languages import PistonRuntime, choose
from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.limits import MIB, CompileLimits, Limits
from cloche.contracts.submission import EvaluationRequest, File
from cloche.kit.errors import InvalidRequestError

#: Its defaults, in ms; what is 0 or null is not given.
_DEFAULT_MS: Final = {"compile": 10_000, "run": 3_000}
_LEAST_MEMORY: Final = 4 * MIB
_OPEN_FILES: Final = 2048
_FILE_BYTES: Final = 10_000_000
_HEX_PAIRS: Final = re.compile(r"(?:[0-9a-fA-F]{2})*")


@dataclass(frozen=True, slots=True)
class Execution:
    """What to submit, and the runtime that was chosen."""

    runtime: PistonRuntime
    request: EvaluationRequest


def as_execution(body: Any, runtimes: Sequence[PistonRuntime], doors: DoorOptions) -> Execution:
    """The evaluation to submit.

    Raises:
        InvalidRequestError: in the words of Piston.
        ValidationError: a value that only our contract refuses.
    """
    fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    language = _text(fields, "language")
    version = _text(fields, "version")
    files = _listed_files(fields)
    runtime = choose(runtimes, language, version)
    if runtime is None:
        raise InvalidRequestError(f"{language}-{version} runtime is unknown"[:300])
    if all(_encoding(file) != "utf8" for file in files):
        raise InvalidRequestError("files must include at least one utf8 encoded file")
    given = {
        f"{stage}_{name}": _limit(fields, f"{stage}_{name}", doors)
        for name in ("memory_limit", "timeout", "cpu_time")
        for stage in ("compile", "run")
    }
    entrypoint, program = _program(files, runtime.offer)
    stdin = _stdin(fields)
    return Execution(
        runtime,
        EvaluationRequest(
            runtime=runtime.wanted,
            files=program,
            entrypoint=entrypoint,
            stdin=stdin if stdin.endswith("\n") else f"{stdin}\n",
            args=_args(fields),
            env={"PISTON_LANGUAGE": runtime.language},
            limits=_run_limits(given, doors),
            compile_limits=_compile_limits(given),
            labels={"door": "piston"},
            queue_timeout_s=QUEUE_TIMEOUT_S,
        ),
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not value or not isinstance(value, str):
        raise InvalidRequestError(f"{name} is required as a string")
    return value


def _listed_files(fields: dict[str, Any]) -> list[dict[str, Any]]:
    files = fields.get("files")
    if not isinstance(files, list):
        raise InvalidRequestError("files is required as an array")
    for index, file in enumerate(cast("list[Any]", files)):
        if not isinstance(file, dict) or not isinstance(cast("dict[str, Any]", file).get("content"), str):
            raise InvalidRequestError(f"files[{index}].content is required as a string")
    return cast("list[dict[str, Any]]", files)


def _limit(fields: dict[str, Any], name: str, doors: DoorOptions) -> float | None:
    """The value in its unit; None for the default, negative for none."""
    value = fields.get(name)
    if not value and not isinstance(value, list | dict):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequestError(f"If specified, {name} must be a number")
    is_memory = name.endswith("memory_limit")
    if name.endswith("cpu_time"):
        most = doors.maxima.cpu_time_s * 1000
    else:
        most = doors.maxima.memory_bytes if is_memory else doors.maxima.wall_time_s * 1000
    if value > most:
        raise InvalidRequestError(f"{name} cannot exceed the configured limit of {most:.0f}")
    if value < 0 and not is_memory:
        raise InvalidRequestError(f"{name} must be non-negative")
    return value


def _run_limits(given: dict[str, float | None], doors: DoorOptions) -> Limits:
    memory = given["run_memory_limit"]
    return Limits(
        wall_time_s=(given["run_timeout"] or _DEFAULT_MS["run"]) / 1000,
        cpu_time_s=(given["run_cpu_time"] or _DEFAULT_MS["run"]) / 1000,
        memory_bytes=doors.memory_bytes if memory is None or memory < 0 else max(int(memory), _LEAST_MEMORY),
        open_files=min(_OPEN_FILES, doors.maxima.open_files),
        file_bytes=min(_FILE_BYTES, doors.maxima.file_bytes),
    )


def _compile_limits(given: dict[str, float | None]) -> CompileLimits:
    memory = given["compile_memory_limit"]
    limits = CompileLimits(
        wall_time_s=(given["compile_timeout"] or _DEFAULT_MS["compile"]) / 1000,
        cpu_time_s=(given["compile_cpu_time"] or _DEFAULT_MS["compile"]) / 1000,
    )
    if memory is None or memory < 0:
        return limits
    return limits.model_copy(update={"memory_bytes": max(int(memory), _LEAST_MEMORY)})


def _program(files: list[dict[str, Any]], offer: RuntimeOffer) -> tuple[str, list[File]]:
    """The main file's path, and all files; it is the first that is neither base64 nor hex."""
    main = next(index for index, file in enumerate(files) if _encoding(file) not in {"base64", "hex"})
    program: list[File] = []
    entrypoint = ""
    for index, file in enumerate(files):
        name = file.get("name") or ""
        if not isinstance(name, str):
            raise InvalidRequestError(f"files[{index}].name must be a string")
        path = name.removeprefix("./") or f"file{index}.code"
        if index == main:
            path = entrypoint = _main_path(name.removeprefix("./"), offer)
        program.append(_file(path, file["content"], _encoding(file)))
    return entrypoint, program


def _main_path(name: str, offer: RuntimeOffer) -> str:
    """Compilers know their language by the file's suffix, where Piston's packages rename it."""
    source = PurePosixPath(offer.source_file)
    if not name or (offer.compiled and PurePosixPath(name).suffix != source.suffix):
        return offer.source_file
    return name


def _encoding(file: dict[str, Any]) -> str:
    """``utf8`` where none is given. Whatever it does not know is read as that too, but does not count as it."""
    encoding = file.get("encoding")
    if isinstance(encoding, str):
        return encoding or "utf8"
    return "other" if encoding or isinstance(encoding, list | dict) else "utf8"


def _file(path: str, content: str, encoding: str) -> File:
    if encoding == "base64":
        return File(path=path, content=base64.b64encode(lenient_base64(content)).decode(), encoding="base64")
    if encoding == "hex":
        pairs = _HEX_PAIRS.match(content)
        data = bytes.fromhex(pairs[0] if pairs else "")
        return File(path=path, content=base64.b64encode(data).decode(), encoding="base64")
    return File(path=path, content=content)


def _stdin(fields: dict[str, Any]) -> str:
    stdin = fields.get("stdin")
    if stdin is None:
        return ""
    if not isinstance(stdin, str):
        raise InvalidRequestError("stdin must be a string")
    return stdin


def _args(fields: dict[str, Any]) -> list[str]:
    args = fields.get("args")
    if args is None:
        return []
    if not isinstance(args, list) or not all(isinstance(arg, str) for arg in cast("list[Any]", args)):
        raise InvalidRequestError("args must be an array of strings")
    return cast("list[str]", args)
