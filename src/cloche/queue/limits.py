"""What a lane and a tenant may take."""

from pydantic import BaseModel, ConfigDict, Field


class LaneLimits(BaseModel):
    """One lane: lanes of a smaller ``urgency`` are served first; None is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urgency: int = Field(ge=0, le=1000)
    max_running: int | None = Field(default=None, ge=1, le=1_000_000)
    rate_per_s: float | None = Field(default=None, ge=0.001, le=1_000_000)


class TenantLimits(BaseModel):
    """One tenant: ``weight`` is its share of what runs beside the others'; None is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(default=1, ge=0.01, le=100)
    max_queued: int | None = Field(default=None, ge=1, le=100_000_000)
    max_running: int | None = Field(default=None, ge=1, le=1_000_000)
