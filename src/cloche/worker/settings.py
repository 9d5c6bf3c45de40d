"""Settings of the Queue Worker: ``CLOCHE_WORKER_<NAME>``."""

import socket
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from cloche.kit.settings import ServiceSettings


class ExecutorAddress(BaseModel):
    """An executor this worker routes to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    address: str = Field(description="unix:/path or http://host:port")
    token: SecretStr


class WorkerSettings(ServiceSettings):
    """What the Queue Worker needs."""

    model_config = SettingsConfigDict(env_prefix="CLOCHE_WORKER_")
    prefix: ClassVar[str] = "CLOCHE_WORKER_"

    name: str = Field(default_factory=socket.gethostname, max_length=100, description="How the queue knows it.")
    listen: str = Field(default="tcp:127.0.0.1:8403", description="Health and metrics.")
    queue: str = Field(description="The Queue Service's internal face: unix:/path or http://host:port.")
    queue_token: SecretStr = Field(description="Service token of caller worker.")
    redis_url: SecretStr = Field(description="Redis as user worker.")
    executors: list[ExecutorAddress] = Field(min_length=1)
    heartbeat_s: float = Field(default=2.0, gt=0, le=10, description="How often leases are extended.")
    deadline_s: float = Field(
        default=20.0, gt=0, le=60, description="An executor kills what was not extended for this."
    )
    prefetch: int = Field(default=2, ge=0, le=100, description="Tasks leased ahead of each executor's free slots.")
    drain_s: float = Field(default=20.0, ge=0, le=600, description="How long running work may end after SIGTERM.")
    log_level: str = "info"
