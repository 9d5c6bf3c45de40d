"""Judge0's submission as an evaluation, checked with its words. Pure.

Source: github.com/judge0/judge0 at 47dfd63, ``app/models/submission.rb`` and ``app/jobs/isolate_job.rb``.
"""

import base64
import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from cloche.api.compat.ending import QUEUE_TIMEOUT_S
from cloche.api.compat.judge0_archive import ArchiveError, unpacked
from cloche.api.compat.judge0_config import (
    CPU_EXTRA_TIME_S,
    CPU_TIME_S,
    FILE_KIB,
    LEAST_MEMORY_KIB,
    LEAST_WALL_TIME_S,
    MAX_CPU_EXTRA_TIME_S,
    MAX_RUNS,
    MAX_TEXT,
    MEMORY_KIB,
    PROCESSES,
    STACK_KIB,
    WALL_TIME_S,
    Most,
)
from cloche.api.compat.judge0_fields import Fields
from cloche.api.compat.judge0_languages import Flavour, Language
from cloche.api.compat.lenient import lenient_base64
from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.limits import KIB, MIB, Limits
from cloche.contracts.submission import Case, EvaluationRequest, File

_LEAST_CPU_S: Final = 0.001
_LEAST_MEMORY: Final = 4 * MIB
_LEAST_STACK: Final = 64 * KIB
#: What its shell would take for more than a word.
_SHELL: Final = re.compile(r"[$&;<>|`]")


def as_request(
    given: Mapping[str, Any],
    flavour: Flavour,
    offered: Mapping[str, RuntimeOffer],
    most: Most,
    *,
    encoded: bool,
) -> EvaluationRequest:
    """The evaluation to submit. ``encoded`` tells whether its texts are base64.

    Raises:
        InvalidRequestError: one entry for each of its fields that is wrong.
    """
    fields = Fields(given, encoded=encoded)
    language = _language(fields, flavour, offered)
    source = fields.data("source_code")
    if not (source and source.strip()):
        fields.refuse("source_code", "can't be blank")
    _refuse_unsupported(fields)
    limits = _limits(fields, most)
    extra_s = fields.number("cpu_extra_time", CPU_EXTRA_TIME_S, least=0, most=MAX_CPU_EXTRA_TIME_S)
    runs = int(fields.number("number_of_runs", 1, least=1, most=MAX_RUNS))
    stdin, expected = fields.text("stdin"), fields.text("expected_output")
    redirect = fields.flag("redirect_stderr_to_stdout")
    if redirect and expected is not None:
        fields.refuse("redirect_stderr_to_stdout", "can't be set together with expected_output here")
    args = _args(fields)
    source_file = language.source_file if language else "source"
    files = [_source(source_file, source or b""), *_additional(fields, source_file, most)]
    fields.stop_if_any()
    assert language is not None
    offer = offered[language.runtime]
    case = Case(stdin=stdin or "", expected_stdout=expected, compare="trimmed")
    return EvaluationRequest(
        runtime=f"{offer.name}@{offer.version}",
        files=files,
        entrypoint=source_file,
        stdin=stdin or "",
        args=args,
        limits=limits,
        cases=[case] * runs if expected is not None or runs > 1 else [],
        labels={
            "door": "judge0",
            "judge0.language_id": str(language.id),
            "judge0.cpu_extra_time": f"{extra_s:g}",
            **({"judge0.redirect_stderr_to_stdout": "true"} if redirect else {}),
        },
        queue_timeout_s=QUEUE_TIMEOUT_S,
    )


def _language(fields: Fields, flavour: Flavour, offered: Mapping[str, RuntimeOffer]) -> Language | None:
    number = fields.integer("language_id")
    if number is None:
        fields.refuse("language_id", "can't be blank")
        return None
    language = flavour.languages.get(number)
    if number in flavour.archived:
        fields.refuse("language_id", f"language with id {number} is archived and cannot be used anymore")
    elif language is None or language.runtime not in offered:
        fields.refuse("language_id", f"language with id {number} doesn't exist")
    return language


def _refuse_unsupported(fields: Fields) -> None:
    """In the words of a Judge0 whose settings forbid them."""
    if fields.is_given("compiler_options"):
        fields.refuse("compiler_options", "setting compiler options is not allowed")
    if fields.is_given("callback_url"):
        fields.refuse("callback_url", "setting callback is not allowed")
    if fields.flag("enable_network"):
        fields.refuse("enable_network", "enabling network is not allowed")
    for kind in ("time", "memory"):
        name = f"enable_per_process_and_thread_{kind}_limit"
        if fields.flag(name):
            fields.refuse(name, "this option cannot be enabled")


def _limits(fields: Fields, most: Most) -> Limits:
    """Its limits; a stream may be as long as a file, because there it is one."""
    cpu_s = fields.number("cpu_time_limit", CPU_TIME_S, least=0, most=most.cpu_time_s)
    wall_s = fields.number("wall_time_limit", WALL_TIME_S, least=LEAST_WALL_TIME_S, most=most.wall_time_s)
    memory = fields.number("memory_limit", MEMORY_KIB, least=LEAST_MEMORY_KIB, most=most.memory_kib)
    stack = fields.number("stack_limit", STACK_KIB, least=0, most=most.stack_kib)
    processes = fields.number("max_processes_and_or_threads", PROCESSES, least=1, most=most.processes)
    file = fields.number("max_file_size", FILE_KIB, least=0, most=most.file_kib)
    return Limits(
        cpu_time_s=max(cpu_s, _LEAST_CPU_S),
        wall_time_s=wall_s,
        memory_bytes=max(int(memory) * KIB, _LEAST_MEMORY),
        stack_bytes=max(int(stack) * KIB, _LEAST_STACK),
        processes=int(processes),
        file_bytes=int(file) * KIB,
        output_bytes=int(file) * KIB,
    )


def _args(fields: Fields) -> list[str]:
    text = fields.plain("command_line_arguments", MAX_TEXT)
    try:
        return shlex.split(_SHELL.sub("", text))
    except ValueError:
        fields.refuse("command_line_arguments", "has a quotation mark without its other half")
        return []


def _source(path: str, data: bytes) -> File:
    try:
        return File(path=path, content=data.decode())
    except UnicodeDecodeError:
        return File(path=path, content=base64.b64encode(data).decode(), encoding="base64")


def _additional(fields: Fields, source_file: str, most: Most) -> list[File]:
    """Files of the archive; the program itself stays as it was submitted, as there."""
    if not fields.is_given("additional_files"):
        return []
    archive = lenient_base64(fields.plain("additional_files", None))
    try:
        files = unpacked(archive, most_files=most.files, most_bytes=most.source_bytes)
    except ArchiveError as error:
        fields.refuse("additional_files", str(error))
        return []
    return [file for file in files if file.path != source_file]
