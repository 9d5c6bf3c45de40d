"""The pages in a real browser. What is tried is in ``frontend/e2e``, in the pages' own language."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.browser
def test_a_person_can_write_run_watch_and_find_programs(stack):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "no Chromium here; `make system` installs it"
    done = subprocess.run(
        [ROOT / "scripts/with_node", "node", "--test", "--test-reporter=spec", "e2e/pages.e2e.mjs"],
        cwd=ROOT / "frontend",
        env={**stack.environment, "CHROMIUM": chromium},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5000:]
