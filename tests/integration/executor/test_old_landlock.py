"""The tier without namespaces on kernels whose Landlock scopes no signals: a user of its own must do.

Runs in a PID namespace of its own: what is tested here once ended every process of the machine.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[3] / "src" / "cloche" / "executor" / "launcher"
PROGRAMS = {
    "plain": "print('held')",
    "daemons": "import os, time\nfor _ in range(5):\n if os.fork() == 0: os.setsid(); time.sleep(60)\nprint('held')",
    "kills": "import os\nos.kill(-1, 9)\nprint('held')",
}


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no such tier on such a kernel")
@pytest.mark.parametrize("name", PROGRAMS)
def test_ending_a_program_by_its_user_ends_nobody_else(name: str, tmp_path: Path) -> None:
    launcher = tmp_path / "launcher"
    sources = sorted(map(str, LAUNCHER.glob("*.c")))
    subprocess.run(["cc", "-static", "-O1", "-DCLOCHE_MUTABLE", "-o", str(launcher), *sources], check=True)
    driver = Path(__file__).with_name("old_landlock_driver.py")
    alone = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    ran = subprocess.run(
        [*alone, sys.executable, str(driver), str(launcher), PROGRAMS[name]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    landlock, *rest = ran.stdout.splitlines()
    assert int(landlock.removeprefix("landlock:")) < 6, "no Landlock that scopes signals"
    assert rest == ["held", "exit 0", "bystanders live: True", "left: 0"], ran.stderr
