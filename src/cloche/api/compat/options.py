"""What the settings say about doors."""

from dataclasses import dataclass

from cloche.api.settings import ApiSettings
from cloche.contracts.limits import Limits


@dataclass(frozen=True, slots=True)
class DoorOptions:
    """``memory_bytes`` is for runs that ask for no memory limit; ``origins`` is empty where no keys are required."""

    maxima: Limits
    memory_bytes: int
    origins: frozenset[str]
    most_source_bytes: int
    most_files: int

    @classmethod
    def of(cls, settings: ApiSettings) -> "DoorOptions":
        """From the API's settings."""
        return cls(
            maxima=settings.maxima,
            memory_bytes=min(settings.door_memory_bytes, settings.maxima.memory_bytes),
            origins=frozenset(settings.door_origins) if settings.require_keys else frozenset(),
            most_source_bytes=settings.max_source_bytes,
            most_files=settings.max_files,
        )
