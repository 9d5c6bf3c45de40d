"""An executor notices when what its containers are made with goes away, and tests everything anew when it is back."""

import os
from typing import Any

import pytest

from cloche.executor.engine_watch import EngineWatch
from cloche.executor.engines.docker.engine import DockerEngine

pytestmark = pytest.mark.docker


async def test_trouble_is_told_while_the_proxy_is_away_and_its_return_once(start_proxy: Any) -> None:
    proxy = start_proxy()
    returned: list[str] = []
    watch = EngineWatch(DockerEngine(proxy.address, owner="watched"), lambda: returned.append("back"))
    await watch.ask()
    assert watch.trouble == ""
    proxy.process.kill()
    proxy.process.wait()
    for _ in range(2):
        await watch.ask()
        assert "does not answer" in watch.trouble
    proxy.start()
    for _ in range(2):
        await watch.ask()
        assert watch.trouble == ""
    assert returned == ["back"]


async def test_an_engine_that_is_away_behind_its_proxy_is_told_too(start_proxy: Any) -> None:
    proxy = start_proxy()
    watch = EngineWatch(DockerEngine(proxy.address, owner="watched"), lambda: None)
    os.unlink(proxy.settings["DOCKER_SOCKET"])  # noqa: PTH108  (at once, in an event loop)
    await watch.ask()
    assert watch.trouble == "The Docker Engine does not answer."
