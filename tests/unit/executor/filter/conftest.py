"""The launcher's filter, built apart from the launcher."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE))
_LAUNCHER = _HERE.parents[3] / "src" / "cloche" / "executor" / "launcher"

Probe = Callable[..., str]


@pytest.fixture(scope="session")
def probe_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``probe.c``, built."""
    binary = tmp_path_factory.mktemp("filter") / "probe"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    command = [compiler] if compiler else [sys.executable, "-m", "ziglang", "cc"]
    sources = [_HERE / "probe.c", *sorted(_LAUNCHER.glob("filter*.c"))]
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", f"-I{_LAUNCHER}"]
    subprocess.run([*command, *flags, "-o", str(binary), *map(str, sources)], check=True)
    return binary


@pytest.fixture(scope="session")
def probe(probe_path: Path) -> Probe:
    """Runs the probe; what it wrote."""

    def run(*args: str | int) -> str:
        done = subprocess.run([probe_path, *map(str, args)], check=True, capture_output=True, text=True, timeout=30)
        return done.stdout

    return run
