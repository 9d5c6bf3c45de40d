"""Build the cell launcher: one static binary for this machine, from the C files beside it.

    python scripts/build_launcher.py [--zig] [--force]

Uses ``cc``, ``gcc`` or ``clang`` where one can link statically, else ``python -m ziglang``
(``--zig`` asks for it). Does nothing when the binary was built from the same sources.
"""

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src" / "cloche" / "executor" / "launcher"
FLAGS = ("-static", "-O2", "-Wall", "-Wextra", "-Werror", "-s")


class BuildError(Exception):
    """No compiler here can build the launcher."""


def build(*, zig: bool = False, force: bool = False) -> Path:
    """Build if needed; the path of the binary.

    Raises:
        BuildError: no compiler could do it, with what each said.
    """
    machine = platform.machine()
    binary = SOURCES / "bin" / f"cell-launcher-{machine}"
    stamp = binary.with_suffix(".sha256")
    sources = sorted(SOURCES.glob("*.c"))
    digest = _digest([*sources, *sorted(SOURCES.glob("*.h"))], machine)
    if not force and binary.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return binary
    binary.parent.mkdir(exist_ok=True)
    said: list[str] = []
    for compiler in _compilers(machine, zig=zig):
        with tempfile.TemporaryDirectory(dir=binary.parent) as directory:
            made = Path(directory) / "launcher"
            command = [*compiler, *FLAGS, "-o", str(made), *map(str, sources)]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode == 0:
                made.chmod(0o755)
                made.replace(binary)
                stamp.write_text(digest, encoding="ascii")
                return binary
            said.append(f"{' '.join(compiler)}: {result.stderr.strip()[-2000:]}")
    raise BuildError("\n".join(said) or "no C compiler: install gcc and libc6-dev, or the Python package ziglang")


def _compilers(machine: str, *, zig: bool) -> list[list[str]]:
    found = [[path] for name in ("cc", "gcc", "clang") if not zig and (path := shutil.which(name))]
    target = [sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-musl"]
    return [*found, target]


def _digest(files: list[Path], machine: str) -> str:
    digest = hashlib.sha256(f"{machine} {FLAGS}".encode())
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--zig", action="store_true", help="use ziglang even where there is a compiler")
    parser.add_argument("--force", action="store_true", help="build although nothing changed")
    options = parser.parse_args()
    print(build(zig=options.zig, force=options.force))
