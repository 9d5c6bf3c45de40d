"""Runs the conformance and hostile suites on unified cgroups, in a virtual machine with Debian's cloud kernel.

    test_cgroup2.py [PYTEST ARGUMENT…]    instead of the suites, what the arguments say

Hardware virtualisation is used where it works, else emulation, which takes many times longer. What the guest
prints is shown as it comes. Ends with 0 when everything passed, within an hour and a half.
"""

import os
import selectors
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from test_cgroup2_image import CACHE, ROOT, Image, ImageError, prepared, run

#: Of the executor's own tests those that cgroups, or the kernel's age, decide.
_BY_CGROUPS = ("cgroups", "cgroup_roots", "leftovers", "old_landlock", "ready_cells", "spawner", "stuck_cells")
_BOTH = ["--timeout", "600", "-m", "not slow and not docker"]
#: Hostile programs by themselves: afterwards nothing of their user may be left.
SUITES = [
    [*_BOTH, "-n", "2", "tests/conformance", "tests/integration/stack/test_delegated_cgroups.py"],
    [*_BOTH, "tests/hostile"],
]
SUITES[0] += [f"tests/integration/executor/test_{name}.py" for name in _BY_CGROUPS]
_FIRST_WORD = b"cgroup2: booted"
_WHOLE_RUN_S = 5400.0
_MEMORY_MIB = 4096
_MACHINE = ["qemu-system-x86_64", "-nographic", "-no-reboot", "-net", "none", "-m", str(_MEMORY_MIB), "-smp", "2"]
#: Nested hosts refuse some of the processor's registers; the guest needs none of them.
_ACCELERATED = ["-accel", "kvm", "-cpu", "host,arch-capabilities=off"]
_EMULATED = ["-accel", "tcg,thread=multi", "-cpu", "max"]
_COMMAND_LINE = "console=ttyS0 loglevel=1 panic=-1 mitigations=off"
#: What the kernel does not know becomes the guest's environment.
_SLOW = "CLOCHE_TEST_PATIENCE=6"


def main() -> int:
    """Boot, show, judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the machine goes with us
    suites = [sys.argv[1:]] if sys.argv[1:] else SUITES
    try:
        image = prepared()
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as directory:
            repository = _packed(Path(directory), suites)
            if os.access("/dev/kvm", os.W_OK):
                status = _boot(image, repository, _ACCELERATED, 10)
                if status is not None:
                    return status
                print("test_cgroup2: /dev/kvm does not start a kernel here; emulating", flush=True)
            status = _boot(image, repository, _EMULATED, 120)
    except ImageError as error:
        print(f"test_cgroup2: {error}", file=sys.stderr)
        return 1
    if status is None:
        print("test_cgroup2: the kernel does not start", file=sys.stderr)
    return 1 if status is None else status


def _packed(directory: Path, suites: list[list[str]]) -> Path:
    """The repository as it is now, with what was built of C, as a disk without a file system."""
    names = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"]).splitlines()
    names += [str(path.relative_to(ROOT)) for path in ROOT.glob("src/cloche/executor/*/bin/*")]
    disk = directory / "repository.tar"
    with tarfile.open(disk, "w") as tar:
        for name in (name for name in names if (ROOT / name).is_file()):
            tar.add(ROOT / name, name, filter=_as_root)
        for number, arguments in enumerate(suites):
            file = directory / f"suite-{number}"
            file.write_text("".join(f"{argument}\n" for argument in arguments))
            tar.add(file, f"suites/{number}", filter=_as_root)
    return disk


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    return entry


def _boot(image: Image, repository: Path, processor: list[str], first_word_s: float) -> int | None:
    """Run the guest and show what it says; its status, or None when it never said anything."""
    drives = [f"file={image.system},format=raw,if=virtio,snapshot=on"]
    drives += [f"file={repository},format=raw,if=virtio,readonly=on"]
    argv = [*_MACHINE, *processor, "-kernel", str(image.kernel), "-initrd", str(image.first_disk)]
    words = f"{_COMMAND_LINE} {_SLOW}" if processor is _EMULATED else _COMMAND_LINE
    argv += ["-append", words, *(word for drive in drives for word in ("-drive", drive))]
    said = b""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as machine:
        try:
            for piece in _pieces(machine, first_word_s):
                shown = piece if said else piece[piece.find(_FIRST_WORD) :]
                sys.stdout.buffer.write(shown)
                sys.stdout.flush()
                said = (said + shown)[-1000:]
        finally:
            machine.kill()
    if not said:
        return None
    return 0 if b"\ncgroup2: passed" in said else 1


def _pieces(machine: subprocess.Popen[bytes], first_word_s: float) -> Iterator[bytes]:
    """What it prints from its first word on, until it ends; nothing if that takes too long."""
    assert machine.stdout is not None
    ends, silence = time.monotonic() + first_word_s, b""
    with selectors.DefaultSelector() as selector:
        selector.register(machine.stdout, selectors.EVENT_READ)
        while selector.select(ends - time.monotonic()):
            piece = os.read(machine.stdout.fileno(), 65536)
            if not piece:
                return
            if _FIRST_WORD in silence:
                yield piece
                continue
            silence += piece
            if _FIRST_WORD in silence:
                ends = time.monotonic() + _WHOLE_RUN_S
                yield silence


if __name__ == "__main__":
    sys.exit(main())
