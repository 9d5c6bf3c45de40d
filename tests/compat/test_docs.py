"""What the pages about moving say is what happens: their blocks run one after another, and give the lines they show."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"^```(python|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(page.name for page in DOCS.glob("move-from-*.md"))


def test_there_is_a_page_for_each_door():
    assert PAGES == ["move-from-judge0.md", "move-from-piston.md", "move-from-sandboxfusion.md"]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_is_what_happens(stack, tmp_path: Path, page: str):
    environment = {**stack.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    said = ""
    for kind, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if kind == "text":
            missing = [line for line in text.splitlines() if line not in said]
            assert not missing, said
            said = ""
            continue
        here = text.replace("http://127.0.0.1:8400", stack.url)
        program = ["bash", "-euc", here] if kind == "sh" else [sys.executable, "-c", here]
        done = subprocess.run(
            program, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110, check=False
        )
        assert done.returncode == 0, done.stderr
        said += done.stdout
