"""Runtime images in a Docker Engine of the tests' own, reached as an executor reaches them."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.execution import ReadyRuntime
from cloche.executor.launcher.binary import find_launcher
from cloche.executor.runtimes import load_runtimes
from cloche.stack.image_builds import images_folder, list_images

sys.path.insert(0, str(Path(__file__).parent))
from language import Language

#: What continuous integration builds; the long form tests whatever else the Engine has.
ALWAYS = ("bash", "c", "javascript", "python")
RUNTIMES = {runtime.name: runtime for runtime in load_runtimes()}
ROOT = Path(__file__).parents[2]
#: What passed its self-test in this process, which is not repeated for each test.
_TESTED: dict[str, ReadyRuntime] = {}


@pytest.fixture(scope="session")
def docker_host(docker_socket: str) -> Iterator[dict[str, str]]:
    """The environment of the docker command, for this process too; the images of ``ALWAYS`` are built."""
    address = {"DOCKER_HOST": f"unix://{docker_socket}"}
    subprocess.run([sys.executable, ROOT / "scripts/build_images.py", *ALWAYS], env=os.environ | address, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", address["DOCKER_HOST"])
        yield {**os.environ}


@pytest.fixture(scope="session")
def references(docker_host: dict[str, str]) -> dict[str, str]:
    """The images that the Engine has: alias → reference."""
    return {i.name: i.reference for i in list_images(images_folder(), find_launcher()) if i.state != "missing"}


@pytest.fixture(scope="session")
def proxy_address(
    docker_socket: str,
    references: dict[str, str],
    server_folder: Path,
    spawn_docker_proxy: Callable[[Path, Path, dict[str, str]], subprocess.Popen[bytes]],
) -> Iterator[str]:
    """A Docker Socket Proxy that offers all of them."""
    path = server_folder / "images-proxy.sock"
    settings = {"DOCKER_SOCKET": docker_socket, "INSTANCE": f"test-{secrets.token_hex(4)}"}
    settings["IMAGES"] = json.dumps(references)
    process = spawn_docker_proxy(path, server_folder / "images-proxy.log", settings)
    yield f"unix:{path}"
    process.send_signal(signal.SIGTERM)
    process.wait(20)


@pytest.fixture
async def engine(proxy_address: str) -> AsyncIterator[DockerEngine]:
    made = DockerEngine(proxy_address, owner="images")
    await made.start()
    yield made
    await made.close()


@pytest.fixture(params=[pytest.param(n, marks=() if n in ALWAYS else pytest.mark.slow) for n in sorted(RUNTIMES)])
async def language(request: pytest.FixtureRequest, engine: DockerEngine, references: dict[str, str]) -> Language:
    """Each runtime in its image."""
    runtime = RUNTIMES[request.param]
    assert runtime.image is not None
    if runtime.image.alias not in references:
        pytest.skip(f"not built: cloche images build {runtime.image.alias}")
    if runtime.name not in _TESTED:
        _TESTED[runtime.name] = (await Language.ready(runtime, engine)).tested
    return Language(engine, _TESTED[runtime.name])
