"""The first moments of a child: identity, hidden homes, and the end of its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cloche.stack.accounts import is_root
from cloche.stack.orphans import processes_in
from cloche.stack.spawn import ChildCommand, Identity, StackError

SOMEBODY = Identity(61_000, 61_000, (61_001,))
as_root = pytest.mark.skipif(not is_root(), reason="only root can become somebody else")


def shell(script: str, **options) -> str:
    return ChildCommand(["/bin/sh", "-c", script], **options).run(timeout_s=20)


@as_root
def test_it_is_somebody_else_without_any_right() -> None:
    said = shell("id -u; id -g; id -G; grep -h -e CapEff -e CapPrm -e NoNewPrivs /proc/self/status", identity=SOMEBODY)
    assert said.split() == [
        *("61000", "61000", "61000", "61001"),
        *("CapPrm:", "0" * 16, "CapEff:", "0" * 16, "NoNewPrivs:", "1"),
    ]


def test_its_memory_is_dumped_neither_to_a_file_nor_through_a_pipe() -> None:
    said = shell("grep 'Max core file size' /proc/self/limits")
    assert said.split()[4:6] == ["1", "1"]


@as_root
def test_only_exposed_paths_are_seen_below_a_closed_folder(passable: Path) -> None:
    home = passable / "home"
    for name in ("tool/bin", "private", "own"):
        (home / name).mkdir(parents=True)
    (home / "tool" / "bin" / "it").write_text("tool")
    (home / "private" / "key").write_text("secret")
    (home / "file").write_text("file")
    os.chown(home / "own", SOMEBODY.uid, SOMEBODY.gid)
    for folder in (home / "tool", home / "tool" / "bin"):
        folder.chmod(0o755)
    (home / "file").chmod(0o666)
    (home / "tool" / "bin" / "it").chmod(0o644)
    home.chmod(0o700)
    exposed = [(home / "tool", False), (home / "file", False), (home / "own", True)]
    script = f"cd {home}; ls -A; cat tool/bin/it file; ls private; touch tool/x file own/written new; echo end"
    said = shell(script, identity=SOMEBODY, exposed=exposed)
    assert said.splitlines()[:3] == ["file", "own", "tool"]
    assert "toolfile" in said
    assert "secret" not in said
    assert said.count("Read-only file system") == 3
    assert (home / "own" / "written").exists()
    assert home.stat().st_mode & 0o777 == 0o700
    assert sorted(entry.name for entry in home.iterdir()) == ["file", "own", "private", "tool"]


def test_it_dies_with_the_process_that_started_it(passable: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from cloche.stack.spawn import ChildCommand\n"
        "argv = ['/bin/sh', '-c', f'cd {sys.argv[1]}; echo up; exec sleep 600']\n"
        "ChildCommand(argv).start(sys.stdout.fileno()); time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", program, passable], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    assert starter.stdout.readline() == b"up\n"
    starter.kill()
    starter.wait()
    assert starter.stdout.read() == b""
    starter.stdout.close()
    assert not processes_in(passable, "sleep")


def test_it_inherits_little_of_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("CLOCHE_DATABASE_URL", "postgresql://admin:hush@db/x")
    said = shell("env", environment={"WANTED": "1"})
    assert "hush" not in said
    assert "WANTED=1" in said.splitlines()


def test_a_failure_is_told_with_its_last_words() -> None:
    with pytest.raises(StackError, match=r"sh failed \(status 3\): sorry"):
        shell("echo sorry; exit 3")


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(StackError, match="longer than 0 s"):
        ChildCommand(["/bin/sleep", "600"]).run(timeout_s=0.2)


def test_it_can_be_interrupted() -> None:
    process = ChildCommand(["/bin/sleep", "600"]).start(subprocess.DEVNULL)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
