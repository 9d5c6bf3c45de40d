"""Settings from the environment and a secret file, refused where a name is unknown."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """The settings of this service are not usable."""


class ServiceSettings(BaseSettings):
    """Base of one frozen settings class a service.

    ``CLOCHE_<SERVICE>_<NAME>`` sets ``name``. ``CLOCHE_<SERVICE>_SECRETS_FILE`` names a JSON
    object with more of them; secrets come from there and not from the environment, which
    other processes of the same user can read.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="CLOCHE_")

    prefix: ClassVar[str] = "CLOCHE_"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read, check and freeze.

        Raises:
            SettingsError: a name under the prefix is unknown, or a value is out of bounds.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for key, value in environ.items():
            if key.startswith(cls.prefix) and key != f"{cls.prefix}SECRETS_FILE":
                values[key.removeprefix(cls.prefix).lower()] = _decoded(value)
        secrets = environ.get(f"{cls.prefix}SECRETS_FILE")
        if secrets:
            values.update(json.loads(Path(secrets).read_text(encoding="utf-8")))
        unknown = sorted(set(values) - set(cls.model_fields))
        if unknown:
            raise SettingsError(f"unknown settings: {', '.join(cls.prefix + n.upper() for n in unknown)}")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = [f"{cls.prefix}{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
            raise SettingsError("; ".join(lines)) from None


def _decoded(value: str) -> Any:
    if value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
