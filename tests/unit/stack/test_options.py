"""What a person may ask for, and where things lie."""

from pathlib import Path

import pytest

from cloche.stack.options import StackOptions, default_data_dir
from cloche.stack.spawn import StackError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    StackOptions(Path("/d"), host=host).check()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "localhost.example.org"])
def test_anything_else_needs_keys(host: str) -> None:
    with pytest.raises(StackError, match="--require-keys"):
        StackOptions(Path("/d"), host=host).check()
    StackOptions(Path("/d"), host=host, require_keys=True).check()


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8400"), ("0.0.0.0", "http://127.0.0.1:8400"), ("::1", "http://[::1]:8400")],
)
def test_the_url_is_one_that_works_on_this_machine(host: str, url: str) -> None:
    assert StackOptions(Path("/d"), host=host).url == url


def test_options_survive_the_way_to_another_process() -> None:
    options = StackOptions(Path("/d"), parts=("queue",), hosts=("a", "b"), pg_url="postgresql://x", require_keys=True)
    assert StackOptions.from_json(options.to_json()) == options


def test_an_ordinary_user_keeps_data_in_the_xdg_folder(monkeypatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/x")
    assert default_data_dir() == Path("/x/cloche")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_data_dir() == Path("/home/me/.local/share/cloche")


def test_root_keeps_data_in_var_lib(monkeypatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_data_dir() == Path("/var/lib/cloche")
