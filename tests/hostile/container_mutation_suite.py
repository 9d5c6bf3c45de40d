"""Each defence of a container switched off alone: programs that it holds must then get through, or they prove nothing.

``make test-mutation`` runs this file; its name keeps it out of every other run. As root, with a Docker Engine.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import baits
import mutations
import pytest
from batch import RUNTIMES, Attempt, attempts, run_all
from container_mutations import MUTATIONS
from containers import SpawnProxy, build_images, running_proxy
from executor_under_test import ExecutorProcess, running_executor
from expectation import load_all

pytestmark = [
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),
    pytest.mark.docker,
    pytest.mark.timeout(120),
]
#: What a program that is no longer held may take until its lease ends it.
_LEASE_S = 15.0
_SLOTS = 6
_HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def images(docker_socket: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The images with a launcher whose defences can be switched off."""
    context = tmp_path_factory.mktemp("images")
    shutil.copy(mutations.build_mutable_launcher(tmp_path_factory.mktemp("launcher")), context / "launcher")
    environment = {**os.environ, "DOCKER_HOST": f"unix://{docker_socket}", "DOCKER_BUILDKIT": "0"}
    made: dict[str, str] = {}
    for alias, reference in build_images(docker_socket).items():
        (context / "Dockerfile").write_text(f"FROM {reference}\nCOPY launcher /cloche/launcher\n")
        made[alias] = f"cloche-mutable/{alias}:latest"
        build = ["docker", "build", "--quiet", "--force-rm", "--tag", made[alias], str(context)]
        subprocess.run(build, env=environment, check=True, capture_output=True)
    return made


class Tries:
    """Runs the programs of a mutation through a proxy that is ``off`` or has the defence ``alone``."""

    def __init__(self, spawn: SpawnProxy, docker_socket: str, images: dict[str, str], directory: Path) -> None:
        self._spawn = spawn
        self._docker_socket = docker_socket
        self._images = json.dumps(images)
        self._directory = directory

    def complaints(self, defence: str, mode: str) -> dict[str, list[str]]:
        proxy = [str(_HERE / "mutated_proxy.py"), mode, defence]
        executor = [str(_HERE / "mutated_executor.py"), mutations.NONE, "/nonexistent"]
        known = {attempt.expected.name: attempt for attempt in attempts(load_all(), ["container"])}
        wanted = [known[name] for name in MUTATIONS[defence].programs]
        with (
            running_proxy(
                self._spawn, self._directory, self._docker_socket, command=proxy, IMAGES=self._images
            ) as running,
            baits.laid_out() as bait,
            running_executor(
                self._directory,
                command=executor,
                extra=bait.environment,
                inherited=[bait.descriptor],
                engine="docker",
                docker_proxy=running.address,
                slots=str(_SLOTS),
                runtimes=RUNTIMES,
                ready_containers="0",
            ) as process,
        ):
            return asyncio.run(_said(process, wanted))


@pytest.fixture
def tries(
    spawn_docker_proxy: SpawnProxy, docker_socket: str, images: dict[str, str], server_folder: Path, tmp_path: Path
) -> Tries:
    directory = server_folder / tmp_path.name
    directory.mkdir()
    return Tries(spawn_docker_proxy, docker_socket, images, directory)


@pytest.mark.parametrize("defence", MUTATIONS)
def test_programs_get_through_without_their_defence(tries: Tries, defence: str) -> None:
    said = tries.complaints(defence, "off")
    through = sorted(name for name, complaints in said.items() if complaints and not _refused(complaints))
    print(f"{defence}: {len(through)} of {len(said)} programs: {', '.join(through)}")  # noqa: T201  (what the run is for)
    assert through == sorted(said), said


@pytest.mark.parametrize("defence", [name for name, mutation in MUTATIONS.items() if mutation.also])
def test_programs_are_held_by_their_defence_alone(tries: Tries, defence: str) -> None:
    """Without what the launcher does to the same end."""
    said = tries.complaints(defence, "alone")
    assert {name: complaints for name, complaints in said.items() if complaints} == {}


async def _said(process: ExecutorProcess, wanted: Sequence[Attempt]) -> dict[str, list[str]]:
    async with process.worker() as worker:
        return await run_all(worker, list(wanted), _SLOTS, lease_s=_LEASE_S)


def _refused(complaints: list[str]) -> bool:
    """No program ran: that proves nothing of what it can do."""
    return complaints[0].startswith(("the platform failed", "the executor does not answer"))
