"""What the Docker Socket Proxy can be told. The hardening of containers is not among it: see ``policy``."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from cloche.contracts.limits import GIB
from cloche.dockerproxy.policy import ALIAS, Bounds
from cloche.dockerproxy.registry import Caps
from cloche.kit.settings import ServiceSettings

ImageAlias = Annotated[str, Field(pattern=f"^{ALIAS}$")]


class ProxySettings(ServiceSettings):
    """``CLOCHE_DOCKERPROXY_<NAME>``; the token comes from the secrets file."""

    prefix: ClassVar[str] = "CLOCHE_DOCKERPROXY_"

    listen: str = Field(description="Where callers connect: fd:N, unix:/path (mode 0660) or tcp:host:port.")
    docker_socket: Path = Field(default=Path("/var/run/docker.sock"), description="The Engine's socket.")
    instance: str = Field(
        default="cloche",
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="Whose containers these are, on an Engine that several proxies share; must differ between them.",
    )
    images: dict[ImageAlias, str] | None = Field(
        default=None,
        description="Aliases that callers may ask for, and the image each means; resolved to an id once. "
        "Unset: every cloche/ALIAS:latest that the Engine has.",
    )
    runtime: str = Field(default="runc", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="The Engine's OCI runtime.")
    token: SecretStr | None = Field(default=None, description="The bearer token callers must show; required on TCP.")
    allowed_uids: list[int] | None = Field(
        default=None, description="On a unix socket: the users who may connect. Unset: whoever can open the socket."
    )
    max_containers: int = Field(default=64, ge=1, le=4096, description="Containers that may exist at once.")
    creates_per_s: float = Field(default=50, gt=0, le=10_000, description="Containers made per second, on average.")
    max_memory_bytes: int = Field(
        default=4 * GIB, ge=1, le=1024 * GIB, description="Most memory that one container may be given."
    )
    max_cpus_milli: int = Field(default=4000, ge=100, description="Most CPU one container may be given, 1000 is one.")
    max_processes: int = Field(default=1100, ge=1, description="Most processes one container may be given.")
    max_disk_bytes: int = Field(default=GIB, ge=1, description="Largest work directory of one container.")
    max_total_memory_bytes: int = Field(
        default=64 * GIB, ge=1, description="Most memory that all containers may be given together, used or not."
    )
    max_total_cpus_milli: int = Field(
        default=64_000, ge=100, description="Most CPU that all containers may be given together, 1000 is one."
    )
    max_attachments: int = Field(default=128, ge=1, le=8192, description="Attached streams that may be open at once.")
    max_lifetime_s: float = Field(
        default=3600,
        gt=0,
        description="A container older than this is removed; an evaluation has one for all its cases.",
    )
    linger_s: float = Field(
        default=30, gt=0, description="A container that ended, or was not started, is removed after this."
    )
    idle_s: float = Field(default=600, gt=0, description="An attached stream without a byte for this long is cut.")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    @model_validator(mode="after")
    def _tcp_needs_a_token(self) -> Self:
        if self.listen.startswith("tcp:") and self.token is None:
            raise ValueError("listening on TCP needs a token")
        return self

    @property
    def caps(self) -> Caps:
        """What all containers together may be."""
        return Caps(
            containers=self.max_containers,
            creates_per_s=self.creates_per_s,
            memory_bytes=self.max_total_memory_bytes,
            cpus_milli=self.max_total_cpus_milli,
            attachments=self.max_attachments,
        )

    def bounds(self, images: dict[str, str]) -> Bounds:
        """What one container may be; ``images`` are the aliases and the ids they mean."""
        return Bounds(
            memory_bytes=self.max_memory_bytes,
            cpus_milli=self.max_cpus_milli,
            processes=self.max_processes,
            disk_bytes=self.max_disk_bytes,
            images=images,
        )
