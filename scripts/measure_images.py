"""Write the table of ``docs/reference/images.md`` anew: each image's version, size and self-test time.

    measure_images.py [NAME ...]     all that the Engine has by default; other rows stay as they are

The Engine is the one that DOCKER_HOST names, through a Docker Socket Proxy of this script's own.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.launcher.binary import find_launcher
from cloche.executor.runtimes import Runtime, load_runtimes
from cloche.executor.selftest import SelfTestError, check_runtime
from cloche.kit.listen import open_listener
from cloche.stack.image_builds import Image, images_folder, list_images

TABLE = Path(__file__).resolve().parent.parent / "docs/reference/images.md"
ROW = re.compile(r"^\| `([^`]+)` \|.*\n", re.MULTILINE)


@contextmanager
def running_proxy(images: list[Image]) -> Iterator[str]:
    """The address of a proxy that offers ``images``."""
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/proxy.sock"
        socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        settings = {"DOCKER_SOCKET": socket, "INSTANCE": f"measure-{os.getpid()}", "LOG_LEVEL": "error"}
        settings["IMAGES"] = json.dumps({image.name: image.reference for image in images})
        with open_listener(f"unix:{path}") as listener:
            settings["LISTEN"] = f"fd:{listener.fileno()}"
            environ = os.environ | {f"CLOCHE_DOCKERPROXY_{name}": value for name, value in settings.items()}
            command = [sys.executable, "-m", "cloche.dockerproxy"]
            process = subprocess.Popen(command, env=environ, pass_fds=[listener.fileno()])
        try:
            yield f"unix:{path}"
        finally:
            process.terminate()
            process.wait(20)


async def measured(runtimes: list[Runtime], images: dict[str, Image], address: str) -> dict[str, str]:
    """Name → row; a runtime that fails its self-test is told on stderr and left out."""
    engine = DockerEngine(address, owner="measure")
    await engine.start()
    rows: dict[str, str] = {}
    for runtime in runtimes:
        (toolchain,) = await engine.toolchains(runtime)
        began = time.monotonic()
        try:
            version = (await check_runtime(runtime, toolchain, engine)).offer.version
        except SelfTestError as error:
            print(f"{runtime.name}: {error}", file=sys.stderr, flush=True)
            continue
        took = time.monotonic() - began
        size = images[toolchain.image or ""].size_bytes / 2**20
        rows[runtime.name] = f"| `{runtime.name}` | {version} | {size:.0f} | {took:.1f} |\n"
        print(rows[runtime.name], end="", flush=True)
    await engine.close()
    return rows


def main(names: list[str]) -> int:
    """Measure and write; 1 when a runtime failed."""
    images = {i.name: i for i in list_images(images_folder(), find_launcher()) if i.state != "missing"}
    wanted = [r for r in load_runtimes(only=tuple(names)) if r.image is not None and r.image.alias in images]
    with running_proxy(list(images.values())) as address:
        rows = asyncio.run(measured(wanted, images, address))
    text = TABLE.read_text(encoding="utf-8")
    merged = {found[1]: found[0] for found in ROW.finditer(text)} | rows
    head = text[: text.index("| --- |")] + text[text.index("| --- |") :].split("\n", 1)[0] + "\n"
    rest = ROW.sub("", text)[len(head) :]
    TABLE.write_text(head + "".join(merged[name] for name in sorted(merged)) + rest, encoding="utf-8")
    return 0 if len(rows) == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
