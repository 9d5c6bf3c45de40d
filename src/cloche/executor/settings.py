"""The executor's settings: ``CLOCHE_EXECUTOR_…``."""

import os
import socket
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from cloche.kit.settings import ServiceSettings


class ExecutorSettings(ServiceSettings):
    """What an executor is told at start."""

    prefix: ClassVar[str] = "CLOCHE_EXECUTOR_"

    listen: str = Field(description="unix:/path, tcp:host:port or fd:3.")
    worker_token: SecretStr = Field(description="The secret that the Queue Worker shows.")
    name: str = Field(default_factory=socket.gethostname, max_length=100, description="As offers and results show it.")
    engine: Literal["local", "docker"] = Field(default="local", description="How cells are made.")
    tiers: tuple[Literal["process", "namespace"], ...] = Field(
        default=(), description="Local engine: the isolations to offer; empty: the strongest that this machine allows."
    )
    ready_cells: int = Field(
        default=1, ge=0, le=64, description="Local engine: cells kept ready for each toolchain in use."
    )
    ready_containers: int = Field(
        default=4, ge=0, le=64, description="Docker engine: containers kept ready of each kind in use, at most."
    )
    slots: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=1024, description="Cells at once.")
    runtimes: tuple[str, ...] = Field(default=(), description="Names of the runtimes to offer; empty: every one.")
    runtimes_dir: Path | None = Field(default=None, description="Runtime files instead of Cloche's own.")
    extra_runtimes_dir: Path | None = Field(default=None, description="Runtime files that people added, read again.")
    cgroup_roots: tuple[str, ...] = Field(
        default=(), description="Local engine: directories where cgroups may be made; empty: its own cgroups."
    )
    docker_proxy: str = Field(default="", description="Docker engine: the proxy's address, unix:/path or http://host.")
    docker_token: SecretStr = Field(default=SecretStr(""), description="Docker engine: the secret the proxy wants.")
    drain_s: float = Field(default=20.0, ge=0, le=600, description="How long running programs may go on at SIGTERM.")
    recheck_s: float = Field(default=600.0, ge=10, description="Seconds between the self-tests of runtimes and tiers.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
