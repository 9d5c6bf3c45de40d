"""What a program must not see, reach or change."""

import os
from pathlib import Path

import pytest
from bench import Bench


async def test_root_file_system_is_read_only(bench: Bench) -> None:
    """Nothing outside of the scratch directories can be written."""
    source = """
for path in ("/x", "/usr/x", "/etc/x", "/usr/bin/x", "/dev/x", "/proc/sys/kernel/core_pattern", "/run/x"):
    try: open(path, "w"); print("wrote", path)
    except OSError: pass
"""
    assert (await bench.run(source)).stdout == b""


async def test_no_network_but_its_own_loopback(bench: Bench) -> None:
    """With loopback asked for, the cell's own servers answer and nothing else does."""
    source = """
import socket
for address in (("1.1.1.1", 53), ("169.254.169.254", 80), ("127.0.0.1", 22), ("127.0.0.1", 5432)):
    s = socket.socket(); s.settimeout(1)
    try: s.connect(address); print("connected", address)
    except OSError: pass
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
print([line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]])
"""
    ran = await bench.run(source, network="loopback")
    if bench.lacks("loopback"):
        assert b"PermissionError" in ran.stderr, "no socket at all"
        return
    assert ran.stdout == b"['lo']\n"


async def test_host_files_are_not_there(bench: Bench) -> None:
    """Nothing of the host's files is there but the toolchain; without a view of its own, nothing can be opened."""
    own = (str(Path.home() / ".bashrc"), str(Path.cwd()))
    others = ("/home", "/var/lib", "/var/run/docker.sock", "/etc/shadow", "/sys/class")
    source = f"import os\nfor path in {own + others}:\n    if os.path.exists(path): print(path)"
    if bench.lacks("view"):
        source = f"import os\nfor path in {own + others}:\n    if os.access(path, os.F_OK): open(path)"
        ran = await bench.run(source)
        assert b"PermissionError" in ran.stderr
        return
    ran = await bench.run(source)
    if bench.engine.name == "docker":
        pytest.skip("an image has directories of these names")
    assert ran.stdout == b""


async def test_only_its_own_processes_are_visible(bench: Bench) -> None:
    """The program sees its own processes and the launcher, or none at all."""
    source = """
import os
for pid in (p for p in os.listdir("/proc") if p.isdigit()):
    print(pid, open(f"/proc/{pid}/comm").read().strip())
"""
    ran = await bench.run(source)
    if bench.lacks("processes"):
        assert b"PermissionError" in ran.stderr, "no process is visible"
        return
    lines = ran.stdout.decode().splitlines()
    assert len(lines) == 2, lines


async def test_launcher_can_not_be_read_changed_or_killed(bench: Bench) -> None:
    """The launcher can be neither read, limited, slowed, traced nor ended by a program."""
    source = """
import ctypes, os, resource, signal
for name in ("mem", "environ", "maps", "fd/0", "root", "cwd", "exe"):
    look = os.readlink if name in ("fd/0", "root", "cwd", "exe") else lambda path: open(path, "rb").read(1)
    try: look(f"/proc/1/{name}"); print("read", name)
    except OSError: pass
try: resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0)); print("prlimit")
except OSError: pass
for call in (lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.setpriority(os.PRIO_USER, 0, 19),
             lambda: os.sched_setaffinity(1, {0}), lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))):
    try: call(); print("scheduled")
    except OSError: pass
if ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0: print("ptrace")
for number in range(1, 65):
    try: os.kill(1, number)
    except OSError: pass
"""
    async with bench.open(source) as opened:
        ran = await opened.step()
        seen = b"read environ\nread maps\nread fd/0\n" if bench.lacks("closed proc") else b""
        assert (ran.stdout, ran.verdict) == (seen, "accepted"), ran.stderr
        assert (await opened.step()).verdict == "accepted"


async def test_launchers_descriptors_can_not_be_opened(bench: Bench) -> None:
    """What the launcher has open can't be opened by a program, which would then speak for it or read its orders."""
    source = """
import os
for number in range(3):
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        try: os.open(f"/proc/1/fd/{number}", flags | os.O_NONBLOCK); print("opened", number, flags)
        except OSError: pass
"""
    assert (await bench.run(source)).stdout == b""


async def test_launcher_is_not_signalled_by_way_of_a_descriptor(bench: Bench) -> None:
    """A descriptor that signals its owner when there is something to read signals no launcher."""
    source = """
import fcntl, os
reader, writer = os.pipe()
for number in (9, 19):
    try:
        fcntl.fcntl(reader, fcntl.F_SETOWN, 1)
        fcntl.fcntl(reader, fcntl.F_SETSIG, number)
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
        os.write(writer, b"x")
    except OSError: pass
"""
    async with bench.open(source) as opened:
        assert (await opened.step()).verdict == "accepted"
        assert (await opened.step()).verdict == "accepted"


async def test_no_capability_and_no_new_privileges(bench: Bench) -> None:
    """Every capability set is empty, `no_new_privs` is set, a seccomp filter is in force."""
    source = """
import ctypes, struct
libc = ctypes.CDLL(None)
header, data = struct.pack("Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
libc.capget(header, data)
print(data.raw.strip(b"\\0"), libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0))
print([n for n in range(41) if libc.prctl(23, n, 0, 0, 0) == 1])
"""
    sets, bounding = (await bench.run(source)).stdout.splitlines()
    assert sets == b"b'' 1 2"
    # Only who may set capabilities can empty it; without new privileges nothing in it can be had.
    assert bounding == b"[]" or (bench.lacks("view") and os.geteuid() != 0)


async def test_namespaces_mounts_and_kernel_doors_are_refused(bench: Bench) -> None:
    """New namespaces, mounts and the kernel's wide side doors are refused."""
    source = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for number in (1, 2):
    for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000):
        if libc.unshare(flag) == 0: print("unshare", hex(flag))
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0: print("mount")
if libc.syscall(425, 8, ctypes.create_string_buffer(120)) >= 0: print("io_uring")
x86 = os.uname().machine == "x86_64"
for name, number in (("bpf", 321 if x86 else 280), ("perf", 298 if x86 else 241), ("keyctl", 250 if x86 else 219),
                     ("userfaultfd", 323 if x86 else 282), ("clone3", 435)):
    if libc.syscall(number, 0, 0, 0, 0, 0) >= 0: print(name)
"""
    assert (await bench.run(source)).stdout == b""


async def test_only_three_file_descriptors_are_open(bench: Bench) -> None:
    """Stdin, stdout and stderr are the only open descriptors."""
    ran = await bench.run("import os; print([f for f in range(3, 1000) if os.path.exists(f'/proc/self/fd/{f}')][1:])")
    assert ran.stdout == b"[]\n"


async def test_disk_limit_holds(bench: Bench) -> None:
    """The work directory has a size, where the tier limits disk."""
    limits = bench.limits(disk_bytes=2 * 1024 * 1024, file_bytes=64 * 1024 * 1024)
    source = """
import errno
try:
    with open("fill", "wb") as file:
        for _ in range(64): file.write(b"x" * 1_000_000); file.flush()
    print("never full")
except OSError as error: print(errno.errorcode[error.errno])
"""
    stdout = b"never full\n" if bench.lacks("disk") else b"ENOSPC\n"
    assert (await bench.run(source, limits=limits)).stdout == stdout


async def test_file_size_limit_holds(bench: Bench) -> None:
    """One file can grow no larger than its limit."""
    limits = bench.limits(file_bytes=100_000)
    ran = await bench.run("open('big', 'wb').write(b'x' * 1_000_000); print('never')", runtime="python", limits=limits)
    assert ran.stdout == b""
    assert ran.verdict == "runtime_error"


async def test_open_files_limit_holds(bench: Bench) -> None:
    """No process opens more files than the limit."""
    source = "files = []\ntry:\n    while True: files.append(open('/dev/null'))\nexcept OSError as e: print(e.errno)"
    assert (await bench.run(source, limits=bench.limits(open_files=32))).stdout == b"24\n"


async def test_cells_share_nothing(bench: Bench) -> None:
    """What one cell left in any scratch directory is not there for another."""
    places = ["/work", "/tmp", "/dev/shm"]
    if bench.lacks("view"):
        places = []
    leave = (
        f"import os\nfor d in {places} + [os.environ['HOME'], os.environ['TMPDIR']]: open(d + '/mark', 'w').write('x')"
    )
    look = leave.replace("open(d + '/mark', 'w').write('x')", "assert not os.path.exists(d + '/mark')") + "\nprint([])"
    assert (await bench.run(leave, at_home=True)).verdict == "accepted"
    assert (await bench.run(look, at_home=True)).stdout == b"[]\n"
