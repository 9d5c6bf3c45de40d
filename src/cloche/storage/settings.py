"""Settings of the Storage Worker: ``CLOCHE_STORAGE_<NAME>``."""

import socket
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from cloche.kit.settings import ServiceSettings


class StorageSettings(ServiceSettings):
    """What the Storage Worker needs."""

    model_config = SettingsConfigDict(env_prefix="CLOCHE_STORAGE_")
    prefix: ClassVar[str] = "CLOCHE_STORAGE_"

    name: str = Field(default_factory=socket.gethostname, max_length=100, description="Stays the same over a restart.")
    listen: str = Field(default="tcp:127.0.0.1:8404", description="Health and metrics.")
    dsn: SecretStr = Field(description="PostgreSQL as role cloche_storage.")
    redis_url: SecretStr = Field(description="Redis as user storage.")
    queue: str = Field(description="The Queue Service's internal face, for its results.")
    queue_token: SecretStr = Field(description="Service token of caller storage.")
    batch: int = Field(default=400, ge=1, le=5000, description="Events taken from the ledger at once.")
    reconcile_s: float = Field(default=2.0, gt=0, le=60, description="How often the queue's results are read.")
    patience_s: float = Field(default=10.0, gt=0, le=60, description="How long a record waits for output on its way.")
    keep_days: int | None = Field(
        default=None, ge=1, le=36500, description="Finished evaluations go after so many days; all stay unless set."
    )
    log_level: str = "info"
