"""A hundred megabytes of output from one container: the verdict is right, and no file of the Engine grows by them."""

import os
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from containers import RunningProxy
from executor_under_test import Worker, program

from cloche.contracts.limits import MIB, Limits
from cloche.contracts.record import ExecutionRecord

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]
_BYTES = 100_000_000
_FLOOD = f"""
import os
piece = b"x" * 65535 + b"\\n"
left = {_BYTES}
while left:
    left -= os.write(1, piece[:left])
"""


def logs(proxy: RunningProxy) -> int:
    """Bytes that the Engine keeps of its containers beside their file systems: what a log would be among."""
    environment = {**os.environ, "DOCKER_HOST": f"unix://{proxy.docker_socket}"}
    query = ["docker", "info", "--format", "{{.DockerRootDir}}"]
    root = subprocess.run(query, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    return sum(file.stat().st_size for file in Path(root, "containers").glob("*/*") if file.is_file())


async def test_all_of_it_is_relayed_where_the_limit_allows_it(worker: Worker, proxy: RunningProxy) -> None:
    limits = Limits(output_bytes=128 * MIB, wall_time_s=60, cpu_time_s=60)
    came, kept = 0, list[int]()
    last: Any = None
    async for line in worker.lines(program(_FLOOD, limits=limits), deadline_s=90):
        if line["type"] == "output":
            before, came = came, came + len(b64decode(line["data"]))
            if before < _BYTES // 2 <= came:
                kept.append(logs(proxy))
        last = line
    record = ExecutionRecord.model_validate(last["record"])
    assert came == _BYTES
    assert (record.verdict, record.stdout.bytes) == ("accepted", _BYTES)
    assert record.stdout.data is None  # only relayed
    assert kept[0] < MIB


async def test_it_is_stopped_at_its_limit(worker: Worker) -> None:
    record = await worker.record(program(_FLOOD))
    assert record.verdict == "output_limit_exceeded"
    assert record.stdout.kept <= MIB
