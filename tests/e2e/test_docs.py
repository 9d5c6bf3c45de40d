"""What the tutorials say is what happens: their blocks run one after another, and give the lines that they show."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "tutorial"
BLOCK = re.compile(r"^```(python|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(page.name for page in DOCS.glob("*.md"))


def blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def test_every_page_shows_something():
    assert len(PAGES) >= 2
    assert all({"text", "python"} <= {kind for kind, _ in blocks(page)} for page in PAGES)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", PAGES)
def test_what_a_tutorial_shows_is_what_happens(stack, tmp_path: Path, page: str):
    bin_folder = str(Path(sys.executable).parent)
    environment = {**stack.environment, "PATH": f"{bin_folder}:{os.environ['PATH']}", "COLUMNS": "200"}
    environment["CLOCHE_URL"] = stack.url
    said, before = "", ""
    for kind, text in blocks(page):
        if kind == "text":
            missing = [line for line in text.splitlines() if line not in said]
            assert not missing, said
            said = ""
            continue
        program = ["bash", "-euc", text] if kind == "sh" else [sys.executable, "-c", before + text]
        done = subprocess.run(
            program, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110, check=False
        )
        assert done.returncode == 0, done.stderr
        said += done.stdout
        before += "".join(f"{line}\n" for line in text.splitlines() if line.startswith(("import ", "from ")))
