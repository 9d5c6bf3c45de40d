"""Runtimes that people add: packages that programs see, offered at the next check, refused for a reason."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from executor_under_test import ExecutorProcess, Worker, running_executor, text
from toy_language import TOY, beside, made_tools

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import File, Program
from cloche.stack.runtimes_folder import add_node_modules, add_venv, remove


@pytest.fixture(scope="module")
def tools() -> Iterator[Path]:
    with made_tools() as directory:
        venv = directory / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        (site,) = venv.glob("lib/python*/site-packages")
        (site / "bellwork.py").write_text("VALUE = 42\n", encoding="utf-8")
        for name, extra in (("tuned", {}), ("imported", {"type": "module", "main": "index.js"})):
            package = directory / "node_modules" / name
            package.mkdir(parents=True)
            (package / "package.json").write_text(f'{{"name": "{name}"{_typed(extra)}}}', encoding="utf-8")
        (directory / "node_modules/tuned/index.js").write_text("module.exports = 42", encoding="utf-8")
        (directory / "node_modules/imported/index.js").write_text("export default 43", encoding="utf-8")
        (directory / "closed").mkdir()
        (directory / "closed").chmod(0o700 if os.geteuid() == 0 else 0)
        yield directory


def _typed(extra: dict[str, str]) -> str:
    return "".join(f', "{key}": "{value}"' for key, value in extra.items())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where runtimes are added, in what looks like a data directory."""
    folder = tmp_path_factory.mktemp("data") / "runtimes"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory, tools: Path, folder: Path) -> Iterator[ExecutorProcess]:
    own = tmp_path_factory.mktemp("own")
    (own / "toy.toml").write_text(TOY, encoding="utf-8")
    closed = TOY.replace('"toy"', '"closed"', 1).replace("[self_test]", f'readonly = ["{tools}/closed"]\n[self_test]')
    (own / "closed.toml").write_text(closed, encoding="utf-8")
    for name, tool in (("python", "{executor}"), ("javascript", "node")):
        source = Path(__file__).parents[3] / "runtimes" / f"{name}.toml"
        written = re.sub(r"(?m)^commands = .*", f'commands = ["{tool}"]', source.read_text(encoding="utf-8"))
        (own / f"{name}.toml").write_text(written, encoding="utf-8")
    directory = tmp_path_factory.mktemp("executor")
    added = str(folder)
    with running_executor(
        directory, extra=beside(tools), runtimes="[]", runtimes_dir=str(own), extra_runtimes_dir=added
    ) as process:
        yield process


async def offer_when(worker: Worker, executor: ExecutorProcess, name: str, *, offered: bool) -> ExecutorOffer:
    """The offer once a check that is asked for now has come to ``name``."""
    os.kill(executor.pid, signal.SIGHUP)
    async with asyncio.timeout(60):
        while True:
            offer = await worker.client.get("/executor/v1/offer", ExecutorOffer)
            if (name in {runtime.name for runtime in offer.runtimes}) == offered:
                return offer
            assert not (offered and name in offer.refused_runtimes), offer.refused_runtimes[name]
            await asyncio.sleep(0.05)  # nobody is told when a check is over


async def said(worker: Worker, runtime: str, path: str, source: str) -> str:
    files = [File(path=path, content=source)]
    limits = {"limits": Limits(), "compile_limits": CompileLimits()}
    record = await worker.record(Program(runtime=runtime, files=files, entrypoint=path, **limits))
    return text(record.stdout.data) + text(record.stderr.data)


async def test_programs_import_what_the_virtual_environment_holds_and_can_not_change_it(
    worker: Worker, executor: ExecutorProcess, folder: Path, tools: Path
) -> None:
    add_venv(folder, "python-bells", tools / "venv")
    offer = await offer_when(worker, executor, "python-bells", offered=True)
    (runtime,) = (runtime for runtime in offer.runtimes if runtime.name == "python-bells")
    assert runtime.tool == f"{tools}/venv/bin/python"
    assert await said(worker, "python-bells", "main.py", "import bellwork; print(bellwork.VALUE)") == "42\n"
    spoil = "import bellwork, os\ntry: os.unlink(bellwork.__file__)\nexcept OSError as error: print(error.strerror)"
    assert await said(worker, "python-bells", "main.py", spoil) == "Read-only file system\n"
    assert "No module named" in await said(worker, "python", "main.py", "import bellwork")
    remove(folder, "python-bells")
    await offer_when(worker, executor, "python-bells", offered=False)


async def test_programs_require_and_import_what_a_node_modules_holds(
    worker: Worker, executor: ExecutorProcess, folder: Path, tools: Path
) -> None:
    add_node_modules(folder, "js-bells", tools)
    await offer_when(worker, executor, "js-bells", offered=True)
    assert await said(worker, "js-bells", "main.js", "console.log(require('tuned'))") == "42\n"
    imported = "import tuned from 'tuned'; import other from 'imported'; console.log(tuned, other)"
    assert await said(worker, "js-bells", "main.mjs", imported) == "42 43\n"
    assert "Cannot find module" in await said(worker, "javascript", "main.js", "require('tuned')")
    remove(folder, "js-bells")


async def test_file_that_can_not_be_used_refuses_its_runtime_alone(
    worker: Worker, executor: ExecutorProcess, folder: Path
) -> None:
    (folder / "nothing.toml").write_text('extends = "nothing"\n', encoding="utf-8")
    (folder / "odd.toml").write_text("no TOML", encoding="utf-8")
    (folder / "toy.toml").write_text('extends = "toy"\n', encoding="utf-8")
    tune = 'extends = "toy"\nenv.TUNE = "{heap_mib}"\nself_test.source = "echo $TUNE"\nself_test.expected = "192\\n"\n'
    (folder / "tune.toml").write_text(tune, encoding="utf-8")
    offer = await offer_when(worker, executor, "tune", offered=True)
    assert "extends" in offer.refused_runtimes["nothing"]
    assert "odd.toml" in offer.refused_runtimes["odd"]
    assert "taken" in offer.refused_runtimes["toy"]
    assert await said(worker, "tune", "main.toy", "echo $TUNE 2>&1") == "192\nfrom 1.5.0\n"
    assert await said(worker, "toy", "main.toy", ":") == "from 1.5.0\n"


async def test_what_programs_could_not_read_refuses_its_runtime(worker: Worker, tools: Path) -> None:
    offer = await worker.client.get("/executor/v1/offer", ExecutorOffer)
    assert f"can't read {tools}/closed" in offer.refused_runtimes["closed"]
