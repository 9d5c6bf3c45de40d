import pytest

from cloche.api.settings import ApiSettings
from cloche.kit.settings import SettingsError

BASE = {
    "CLOCHE_API_DSN": "x",
    "CLOCHE_API_REDIS_URL": "x",
    "CLOCHE_API_QUEUE": "unix:/x",
    "CLOCHE_API_QUEUE_TOKEN": "x",
}


@pytest.mark.parametrize("listen", ["tcp:0.0.0.0:8400", "tcp:[::]:8400", "tcp:192.0.2.1:80", "tcp:example.org:80"])
def test_listening_beyond_loopback_needs_keys(listen: str):
    with pytest.raises(SettingsError, match="require_keys"):
        ApiSettings.load({**BASE, "CLOCHE_API_LISTEN": listen})
    assert ApiSettings.load({**BASE, "CLOCHE_API_LISTEN": listen, "CLOCHE_API_REQUIRE_KEYS": "true"}).require_keys


@pytest.mark.parametrize("listen", ["tcp:127.0.0.1:8400", "tcp:localhost:8400", "tcp:[::1]:8400", "unix:/x", "fd:3"])
def test_loopback_needs_no_keys(listen: str):
    assert not ApiSettings.load({**BASE, "CLOCHE_API_LISTEN": listen}).require_keys
