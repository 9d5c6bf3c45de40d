"""Build the programs that go into cells: the cell launcher and the probe of the standing self-test.

    python scripts/build_launcher.py [--zig] [--force] [--machine aarch64]

Each is one static binary, made from the C files of its folder. Uses ``cc``, ``gcc`` or ``clang`` where
one can link statically, else ``python -m ziglang`` (``--zig`` asks for it; other machines need it).
Does nothing when a binary was built from the same sources.
"""

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXECUTOR = Path(__file__).parents[1] / "src" / "cloche" / "executor"
#: Folder by program.
PROGRAMS = {"cell-launcher": EXECUTOR / "launcher", "cell-probe": EXECUTOR / "probe"}
FLAGS = ("-static", "-O2", "-Wall", "-Wextra", "-Werror", "-s")


class BuildError(Exception):
    """No compiler here can build it."""


def build(
    program: str = "cell-launcher", *, machine: str = platform.machine(), zig: bool = False, force: bool = False
) -> Path:
    """Build one of ``PROGRAMS`` if needed; the path of the binary.

    Raises:
        BuildError: no compiler could do it, with what each said.
    """
    folder = PROGRAMS[program]
    binary = folder / "bin" / f"{program}-{machine}"
    stamp = binary.with_suffix(".sha256")
    sources = sorted(folder.glob("*.c"))
    digest = _digest([*sources, *sorted(folder.glob("*.h"))], machine)
    if not force and binary.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return binary
    binary.parent.mkdir(exist_ok=True)
    said: list[str] = []
    for compiler in _compilers(machine, zig=zig):
        with tempfile.TemporaryDirectory(dir=binary.parent) as directory:
            made = Path(directory) / program
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
    own = machine == platform.machine() and not zig
    found = [[path] for name in ("cc", "gcc", "clang") if own and (path := shutil.which(name))]
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
    parser.add_argument("--machine", default=platform.machine(), help="for another processor, by ziglang")
    options = parser.parse_args()
    for name in PROGRAMS:
        print(build(name, machine=options.machine, zig=options.zig, force=options.force))
