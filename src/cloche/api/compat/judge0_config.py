"""What a Judge0 with Cloche behind it says of itself. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from cloche.api.compat.options import DoorOptions
from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.limits import KIB

#: Source: Judge0's ``app/helpers/config.rb``.
CPU_TIME_S: Final = 5.0
CPU_EXTRA_TIME_S: Final = 1.0
MAX_CPU_EXTRA_TIME_S: Final = 5.0
WALL_TIME_S: Final = 10.0
LEAST_WALL_TIME_S: Final = 1.0
MEMORY_KIB: Final = 128_000
LEAST_MEMORY_KIB: Final = 2048
STACK_KIB: Final = 64_000
PROCESSES: Final = 60
FILE_KIB: Final = 1024
MAX_RUNS: Final = 20
MAX_BATCH: Final = 20
MAX_TEXT: Final = 512

STATUSES: Final[dict[int, str]] = {
    1: "In Queue",
    2: "Processing",
    3: "Accepted",
    4: "Wrong Answer",
    5: "Time Limit Exceeded",
    6: "Compilation Error",
    7: "Runtime Error (SIGSEGV)",
    8: "Runtime Error (SIGXFSZ)",
    9: "Runtime Error (SIGFPE)",
    10: "Runtime Error (SIGABRT)",
    11: "Runtime Error (NZEC)",
    12: "Runtime Error (Other)",
    13: "Internal Error",
    14: "Exec Format Error",
}


@dataclass(frozen=True, slots=True)
class Most:
    """The largest values, in Judge0's units."""

    cpu_time_s: float
    wall_time_s: float
    memory_kib: int
    stack_kib: int
    processes: int
    file_kib: int
    source_bytes: int
    files: int

    @classmethod
    def of(cls, doors: DoorOptions) -> "Most":
        """From what the platform allows. A file may be as large as a stream: there, streams are files."""
        maxima = doors.maxima
        return cls(
            cpu_time_s=maxima.cpu_time_s,
            wall_time_s=maxima.wall_time_s,
            memory_kib=maxima.memory_bytes // KIB,
            stack_kib=maxima.stack_bytes // KIB,
            processes=maxima.processes,
            file_kib=min(maxima.file_bytes, maxima.output_bytes) // KIB,
            source_bytes=doors.most_source_bytes,
            files=doors.most_files,
        )


def config_info(most: Most) -> dict[str, Any]:
    """``GET /config_info``, with every key of 1.13.1: its client wants each."""
    return {
        "maintenance_mode": False,
        "enable_wait_result": True,
        "enable_compiler_options": False,
        "allowed_languages_for_compile_options": [],
        "enable_command_line_arguments": True,
        "enable_submission_delete": False,
        "enable_callbacks": False,
        "callbacks_max_tries": 3,
        "callbacks_timeout": 5.0,
        "enable_additional_files": True,
        "max_queue_size": 100,
        "cpu_time_limit": CPU_TIME_S,
        "max_cpu_time_limit": most.cpu_time_s,
        "cpu_extra_time": CPU_EXTRA_TIME_S,
        "max_cpu_extra_time": MAX_CPU_EXTRA_TIME_S,
        "wall_time_limit": WALL_TIME_S,
        "max_wall_time_limit": most.wall_time_s,
        "memory_limit": MEMORY_KIB,
        "max_memory_limit": most.memory_kib,
        "stack_limit": STACK_KIB,
        "max_stack_limit": most.stack_kib,
        "max_processes_and_or_threads": PROCESSES,
        "max_max_processes_and_or_threads": most.processes,
        "enable_per_process_and_thread_time_limit": False,
        "allow_enable_per_process_and_thread_time_limit": False,
        "enable_per_process_and_thread_memory_limit": False,
        "allow_enable_per_process_and_thread_memory_limit": False,
        "max_file_size": FILE_KIB,
        "max_max_file_size": most.file_kib,
        "number_of_runs": 1,
        "max_number_of_runs": MAX_RUNS,
        "redirect_stderr_to_stdout": False,
        "max_extract_size": most.source_bytes // KIB,
        "enable_batched_submissions": True,
        "max_submission_batch_size": MAX_BATCH,
        "submission_cache_duration": 0.0,
        "use_docs_as_homepage": False,
        "allow_enable_network": False,
        "enable_network": False,
    }


def statuses() -> list[dict[str, Any]]:
    """``GET /statuses``."""
    return [{"id": number, "description": name} for number, name in STATUSES.items()]


def about(version: str) -> dict[str, str]:
    """``GET /about``: the version is Judge0's, whose client knows a few alone."""
    return {
        "version": version,
        "homepage": "https://judge0.com",
        "source_code": "https://github.com/judge0/judge0",
        "maintainer": "Cloche, a door for Judge0's clients",
    }


def workers(offers: list[ExecutorOffer]) -> list[dict[str, Any]]:
    """``GET /workers``: all executors as one queue."""
    slots, busy = sum(offer.slots for offer in offers), sum(offer.busy for offer in offers)
    idle = max(0, slots - busy)
    return [
        {"queue": "default", "size": 0, "available": slots, "idle": idle, "working": busy, "paused": 0, "failed": 0}
    ]


def system_info(offers: list[ExecutorOffer]) -> dict[str, str]:
    """``GET /system_info``: what executors say of their hosts, the first one's words where they differ."""
    known: dict[str, str] = {}
    for offer in offers:
        for name, text in offer.facts.items():
            known.setdefault(name, text)
    return {**known, "Executors": str(len(offers))}
