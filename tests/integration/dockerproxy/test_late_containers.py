"""A container whose making the Engine did not answer for: its room is kept until it is known to be gone."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from strange_engine import ID, ORDER, StrangeEngine, answer, strange_engine

from cloche.dockerproxy.calls import Calls
from cloche.dockerproxy.engine import Engine, NoAnswerError
from cloche.dockerproxy.images import Images
from cloche.dockerproxy.janitor import Janitor
from cloche.dockerproxy.policy import INSTANCE_LABEL, UID_LABEL
from cloche.dockerproxy.registry import FIRST_UID, Registry
from cloche.dockerproxy.settings import ProxySettings
from cloche.kit.errors import OverloadedError, UnavailableError

BODY = json.dumps(asdict(ORDER)).encode()
NONE = answer("200 OK", [])
LABELS = {INSTANCE_LABEL: "cloche", UID_LABEL: str(FIRST_UID)}


@asynccontextmanager
async def parts(linger_s: float) -> AsyncIterator[tuple[StrangeEngine, Calls, Janitor]]:
    """The proxy's parts in this process, with room for one container."""
    with strange_engine() as (engine, folder):
        settings = ProxySettings(listen="fd:3", docker_socket=folder / "engine", max_containers=1)
        registry = Registry(replace(settings.caps, creates_per_s=1e9))
        real = Engine(settings.docker_socket, lambda _, __: None)
        images = Images(real, None)
        await images.look()
        bounds = settings.bounds(images.fit)
        calls = Calls(real, registry, images, bounds, instance=settings.instance, runtime=settings.runtime)
        janitor = Janitor(real, registry, instance=settings.instance, max_lifetime_s=60, linger_s=linger_s)
        yield engine, calls, janitor


async def test_room_is_kept_until_the_janitor_has_removed_what_came_late() -> None:
    async with parts(0) as (engine, calls, janitor):
        engine.says = b""
        with pytest.raises(NoAnswerError):
            await calls.create(BODY)
        listed = {"Id": ID, "Labels": LABELS, "State": "created", "Created": int(time.time())}
        engine.says = answer("200 OK", [listed])
        assert await janitor.sweep() == 0
        with pytest.raises(OverloadedError):
            await calls.create(BODY)
        assert await janitor.sweep() == 1
        engine.says = NONE
        assert await janitor.sweep() == 0
        engine.says = None
        assert await calls.create(BODY) == ID


async def test_room_is_kept_for_a_while_where_nothing_has_come_yet() -> None:
    async with parts(60) as (engine, calls, janitor):
        engine.says = answer("201 Created", {})
        with pytest.raises(NoAnswerError):
            await calls.create(BODY)
        engine.says = NONE
        await janitor.sweep()
        with pytest.raises(OverloadedError):
            await calls.create(BODY)


async def test_room_is_given_back_at_once_where_the_engine_says_no_or_was_never_asked() -> None:
    async with parts(60) as (engine, calls, _):
        engine.says = answer("500 Internal Server Error", {})
        for _ in range(2):
            with pytest.raises(UnavailableError):
                await calls.create(BODY)
        await asyncio.to_thread(Path(str(engine.server_address)).unlink)
        for _ in range(2):
            with pytest.raises(UnavailableError):
                await calls.create(BODY)
