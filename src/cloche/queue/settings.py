"""Settings of the Queue Service, ``CLOCHE_QUEUE_<NAME>``."""

from typing import ClassVar, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from cloche.contracts.words import USUAL_LANES
from cloche.kit.settings import ServiceSettings
from cloche.queue.limits import LaneLimits, TenantLimits


def _usual_lanes() -> dict[str, LaneLimits]:
    return {lane: LaneLimits(urgency=urgency) for lane, urgency in USUAL_LANES.items()}


class QueueSettings(ServiceSettings):
    """Secrets (``dsn``, ``redis_url``, ``tokens``) come from ``CLOCHE_QUEUE_SECRETS_FILE``."""

    model_config = SettingsConfigDict(env_prefix="CLOCHE_QUEUE_")
    prefix: ClassVar[str] = "CLOCHE_QUEUE_"

    dsn: SecretStr = Field(description="PostgreSQL, as role cloche_queue.")
    redis_url: SecretStr = Field(description="The event bus.")
    tokens: dict[Literal["api", "worker", "storage"], SecretStr] = Field(
        description="The service token of each caller of the internal face."
    )
    internal_listen: str = Field(
        default="tcp:127.0.0.1:8403", description="Where services call: unix:/path, tcp:host:port or fd:3."
    )
    public_listen: str = Field(default="tcp:127.0.0.1:8402", description="Where people and the frontend call.")
    require_keys: bool = Field(default=False, description="Refuse people's requests without an API key.")
    hosts: list[str] = Field(default_factory=list[str], description="Host names to answer to besides loopback.")
    lease_s: float = Field(default=30.0, ge=1, le=3600, description="How long a lease lasts without a heartbeat.")
    lanes: dict[str, LaneLimits] = Field(
        default_factory=_usual_lanes,
        max_length=32,
        description="JSON: each lane's `urgency` (smaller is first), and its limits `max_running` and `rate_per_s`"
        " (leases a second) if any; `interactive` and `batch` unless set.",
    )
    tenants: dict[str, TenantLimits] = Field(
        default_factory=dict[str, TenantLimits],
        max_length=1000,
        description="JSON: `weight`, `max_queued` and `max_running` of single tenants.",
    )
    other_tenants: TenantLimits = Field(
        default_factory=TenantLimits, description="JSON: the same for each tenant that is not named."
    )
    result_days: int = Field(
        default=30, ge=1, le=3650, description="How many days the queue keeps how tasks ended, dead letters included."
    )
    pool_size: int = Field(
        default=13,
        ge=8,
        le=100,
        description="PostgreSQL sessions; relay, reaper and metrics hold two each.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _tokens_are_distinct(self) -> "QueueSettings":
        secrets = [token.get_secret_value() for token in self.tokens.values()]
        if any(len(secret) < 16 for secret in secrets) or len(set(secrets)) < len(secrets):
            raise ValueError("each token needs 16 characters and must differ from the others")
        return self
