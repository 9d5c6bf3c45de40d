import json
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from cloche.kit.settings import ServiceSettings, SettingsError


class Sample(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="CLOCHE_SAMPLE_")
    prefix: ClassVar[str] = "CLOCHE_SAMPLE_"

    size: int = Field(default=3, ge=1)
    names: list[str] = Field(default_factory=list[str])
    secret: SecretStr = SecretStr("")


def test_values_come_from_the_environment():
    loaded = Sample.load({"CLOCHE_SAMPLE_SIZE": "5", "CLOCHE_SAMPLE_NAMES": '["a"]', "OTHER": "x"})
    assert (loaded.size, loaded.names) == (5, ["a"])


def test_unknown_name_under_the_prefix_is_refused():
    with pytest.raises(SettingsError, match="CLOCHE_SAMPLE_SISE"):
        Sample.load({"CLOCHE_SAMPLE_SISE": "5"})


def test_value_out_of_bounds_is_refused_by_name():
    with pytest.raises(SettingsError, match="CLOCHE_SAMPLE_SIZE"):
        Sample.load({"CLOCHE_SAMPLE_SIZE": "0"})


def test_secrets_come_from_the_file_and_do_not_show(tmp_path: Path):
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"secret": "hidden"}))
    loaded = Sample.load({"CLOCHE_SAMPLE_SECRETS_FILE": str(file)})
    assert loaded.secret.get_secret_value() == "hidden"
    assert "hidden" not in repr(loaded)


def test_unknown_name_in_the_secrets_file_is_refused(tmp_path: Path):
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"secrte": "hidden"}))
    with pytest.raises(SettingsError, match="SECRTE"):
        Sample.load({"CLOCHE_SAMPLE_SECRETS_FILE": str(file)})
