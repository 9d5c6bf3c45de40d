"""Which images the proxy offers: those that it is told of, or Cloche's own, and none that brings more than files."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from attack import ORDER as FIELDS

from cloche.dockerproxy.engine import Engine
from cloche.dockerproxy.images import Images
from cloche.executor.engines.docker.proxy_client import ContainerOrder
from cloche.kit.errors import InvalidRequestError, UnavailableError

pytestmark = pytest.mark.docker

ORDER = ContainerOrder(**FIELDS)


def docker(socket: str, *arguments: str) -> str:
    """What the Engine's own client says, past the proxy."""
    environ = {**os.environ, "DOCKER_HOST": f"unix://{socket}", "DOCKER_BUILDKIT": "0"}
    command = ["docker", *arguments]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout.strip()


def derived(socket: str, folder: Path, instruction: str) -> str:
    """An image of bash and one instruction more."""
    (folder / "Dockerfile").write_text(f"FROM cloche/bash\n{instruction}\n")
    image = f"cloche-test/{instruction.split(maxsplit=1)[0].lower()}"
    docker(socket, "build", "--quiet", "--tag", image, str(folder))
    return image


@pytest.mark.parametrize(
    ("instruction", "told"),
    [
        ("VOLUME /data", "declares volumes"),
        ("HEALTHCHECK CMD true", "declares a health check"),
        ("ONBUILD RUN true", "declares ONBUILD steps"),
    ],
)
async def test_an_image_that_brings_more_than_files_is_not_offered(
    docker_socket: str, tmp_path: Path, start_proxy: Callable[..., Any], instruction: str, told: str
) -> None:
    image = await asyncio.to_thread(derived, docker_socket, tmp_path, instruction)
    images = json.dumps({"bad": image, "bash": "cloche/bash:latest"})
    proxy = await asyncio.to_thread(start_proxy, IMAGES=images)
    offered = await proxy.client.images()
    assert list(offered.images) == ["bash"]
    assert told in offered.unfit["bad"]
    with pytest.raises(InvalidRequestError):
        await proxy.client.create(replace(ORDER, image="bad"))


async def test_a_missing_image_is_named(start_proxy: Callable[..., Any]) -> None:
    proxy = await asyncio.to_thread(start_proxy, IMAGES='{"lost": "cloche/lost"}')
    offered = await proxy.client.images()
    assert not offered.images
    assert "no image cloche/lost" in offered.unfit["lost"]


async def test_without_names_cloches_own_are_offered_and_no_other(docker_socket: str, proxy: Any) -> None:
    for image in ("cloche-test/other:latest", "cloche/bash:old", "cloche/sub/bash:latest"):
        docker(docker_socket, "tag", "cloche/bash", image)
    images = Images(Engine(Path(docker_socket), lambda *_: None), None)
    await images.look()
    assert {"bash", "python"} <= images.fit.keys() == (await proxy.client.images()).images.keys()
    assert not {"other", "old", "sub", "sub/bash"} & images.fit.keys()


async def test_an_image_that_comes_later_is_found_and_one_that_was_found_keeps_its_id(docker_socket: str) -> None:
    images = Images(Engine(Path(docker_socket), lambda *_: None), None)
    await images.look()
    before = dict(images.fit)
    docker(docker_socket, "tag", "cloche/bash", "cloche/later-test:latest")
    try:
        await images.look()
        assert images.fit == before | {"later-test": before["bash"]}
        docker(docker_socket, "tag", "cloche/python", "cloche/later-test:latest")
        await images.look()
        assert images.fit["later-test"] == before["bash"]
    finally:
        docker(docker_socket, "rmi", "cloche/later-test:latest")


async def test_an_image_that_is_gone_is_no_longer_offered(docker_socket: str, start_proxy: Callable[..., Any]) -> None:
    await asyncio.to_thread(docker, docker_socket, "tag", "cloche/bash", "cloche-test/going")
    # An id of its own, so that removing the name removes the image.
    changed = ["commit", "--change", "LABEL going=1"]
    made = await asyncio.to_thread(docker, docker_socket, "create", "cloche-test/going")
    await asyncio.to_thread(docker, docker_socket, *changed, made, "cloche-test/going")
    await asyncio.to_thread(docker, docker_socket, "rm", made)
    proxy = await asyncio.to_thread(start_proxy, IMAGES='{"going": "cloche-test/going"}')
    await asyncio.to_thread(docker, docker_socket, "rmi", "cloche-test/going")
    order = replace(ORDER, image="going")
    with pytest.raises(UnavailableError, match="lost the image"):
        await proxy.client.create(order)
    assert not (await proxy.client.images()).images
    with pytest.raises(InvalidRequestError):
        await proxy.client.create(order)
