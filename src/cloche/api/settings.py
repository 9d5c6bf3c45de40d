"""Settings of the API Service: ``CLOCHE_API_<NAME>``."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from cloche.contracts.limits import MAXIMA, Limits
from cloche.kit.listen import is_local
from cloche.kit.settings import ServiceSettings


class ApiSettings(ServiceSettings):
    """What the API Service needs and what it allows."""

    model_config = SettingsConfigDict(env_prefix="CLOCHE_API_")
    prefix: ClassVar[str] = "CLOCHE_API_"

    listen: str = Field(default="tcp:127.0.0.1:8400", description="Where to listen: tcp:host:port, unix:/path, fd:3.")
    dsn: SecretStr = Field(description="PostgreSQL as role cloche_api.")
    redis_url: SecretStr = Field(description="Redis as user api.")
    queue: str = Field(description="The Queue Service's internal face: unix:/path or http://host:port.")
    queue_token: SecretStr = Field(description="Service token of caller api.")
    queue_public: str | None = Field(default=None, description="People's face of the queue, mounted at /queue/v1.")
    web_dist: Path | None = Field(default=None, description="The built frontend to serve.")
    require_keys: bool = Field(default=False, description="Refuse requests without an API key.")
    hosts: list[str] = Field(default_factory=list[str], description="Host names to answer to besides loopback.")
    database_connections: int = Field(default=10, ge=1, le=200)
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, description="Largest request body.")
    max_upload_bytes: int = Field(
        default=4 * 1024 * 1024 * 1024, ge=1024, description="Largest batch sent as NDJSON, which is never held whole."
    )
    max_source_bytes: int = Field(default=1024 * 1024, ge=1, description="Largest sum of a program's files.")
    max_files: int = Field(default=100, ge=1)
    max_cases: int = Field(default=1000, ge=0)
    max_stdin_bytes: int = Field(default=4 * 1024 * 1024, ge=0, description="Largest stdin of a run or a case.")
    maxima: Limits = Field(default=MAXIMA, description="Largest limits a request may ask for.")
    default_isolation: Literal["process", "namespace"] = Field(
        default="namespace",
        description="What a submission demands that names no isolation; process is weaker than a namespace cell.",
    )
    doors: list[Literal["piston", "judge0", "sandboxfusion"]] = Field(
        default=["piston", "judge0", "sandboxfusion"],
        description="Other systems' interfaces that are served besides; see docs/how-to/move-from-*.md.",
    )
    door_origins: list[str] = Field(
        default_factory=list[str],
        description="Origins of web pages that may use the doors, such as https://ide.example; only with keys.",
    )
    door_memory_bytes: int = Field(
        default=1024 * 1024 * 1024, ge=4 * 1024 * 1024, description="Memory of a door's run that asks for no limit."
    )
    max_readers: int = Field(default=2000, ge=1, description="Open event streams of this process.")
    log_level: str = "info"

    @model_validator(mode="after")
    def _keys_beyond_loopback(self) -> Self:
        if not self.require_keys and not is_local(self.listen):
            raise ValueError("listening beyond loopback needs require_keys")
        return self
