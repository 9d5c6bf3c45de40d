"""Every runtime really runs programs under the default limits, and sees what it needs and no more."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from executor_under_test import ExecutorProcess, Worker, running_executor, text
from language_programs import BUSY, SAMPLES
from toy_language import TOY, beside, made_tools

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.record import ExecutionRecord
from cloche.contracts.submission import File, Program

#: What a language's own memory limit makes it say, where that is below the kernel's.
_OWN_WORDS = ("OutOfMemoryError", "heap out of memory", "not enough memory", "out of memory", "failed to allocate")


@pytest.fixture(scope="module")
def tools() -> Iterator[Path]:
    with made_tools() as directory:
        yield directory


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[ExecutorProcess]:
    """With every runtime of Cloche's own and the toy."""
    runtimes = tmp_path_factory.mktemp("runtimes")
    (runtimes / "toy.toml").write_text(TOY, encoding="utf-8")
    for path in (Path(__file__).parents[3] / "runtimes").glob("*.toml"):
        (runtimes / path.name).write_bytes(path.read_bytes())
    directory = tmp_path_factory.mktemp("executor")
    with running_executor(directory, extra=beside(tools), runtimes="[]", runtimes_dir=str(runtimes)) as process:
        yield process


async def offer_of(worker: Worker) -> ExecutorOffer:
    return await worker.client.get("/executor/v1/offer", ExecutorOffer)


@pytest.fixture(params=sorted(SAMPLES))
def language(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_every_language_is_offered(worker: Worker) -> None:
    offer = await offer_of(worker)
    assert {runtime.name for runtime in offer.runtimes} >= set(SAMPLES), offer.refused_runtimes


async def record(worker: Worker, runtime: str, files: dict[str, str], stdin: str = "") -> ExecutionRecord:
    """How a program ends under the default limits; the first file is where it begins."""
    return await worker.record(
        Program(
            runtime=runtime,
            files=[File(path=path, content=content) for path, content in files.items()],
            entrypoint=next(iter(files)),
            stdin=stdin,
            limits=Limits(),
            compile_limits=CompileLimits(),
        )
    )


async def test_program_reads_its_input_and_is_heard(worker: Worker, language: str) -> None:
    sample = SAMPLES[language]
    ended = await record(worker, language, {sample.path: sample.echo}, "ünder glass\n")
    assert (ended.verdict, text(ended.stdout.data)) == ("accepted", "got ünder glass\n"), text(ended.stderr.data)


async def test_what_is_no_program_is_told_with_its_line(worker: Worker, language: str) -> None:
    sample = SAMPLES[language]
    ended = await record(worker, language, {sample.path: sample.broken})
    if ended.compile is not None:
        assert ended.verdict == "compile_error"
        assert sample.path in text(ended.compile.output)
    else:
        assert ended.verdict == "runtime_error"
        assert re.search(r"line 1|\.\w+:1", text(ended.stderr.data))


async def test_program_that_wants_all_memory_ends_for_that_reason(worker: Worker, language: str) -> None:
    sample = SAMPLES[language]
    ended = await record(worker, language, {sample.path: sample.hog})
    said = text(ended.stderr.data)
    by_itself = ended.verdict == "runtime_error" and any(words in said for words in _OWN_WORDS)
    assert ended.verdict == "memory_limit_exceeded" or by_itself, (ended.verdict, said[-500:])


@pytest.mark.parametrize("runtime", BUSY)
async def test_virtual_machine_works_at_half_of_the_default_memory(worker: Worker, runtime: str) -> None:
    ended = await record(worker, runtime, {SAMPLES[runtime].path: BUSY[runtime]})
    assert (ended.verdict, text(ended.stderr.data)) == ("accepted", "glass 120\n")


@pytest.mark.parametrize(
    ("runtime", "files"),
    [
        ("c", {"main.c": "int f(void);\nint main(void) { return f(); }\n", "f.c": "int f(void) { return 0; }\n"}),
        ("go", {"main.go": "package main\nfunc main() { f() }\n", "f.go": "package main\nfunc f() {}\n"}),
        (
            "java",
            {
                "app/Main.java": "package app;\nclass Main { public static void main(String[] a) { Other.f(); } }\n",
                "app/Other.java": "package app;\nclass Other { static void f() {} }\n",
            },
        ),
        ("javascript", {"main.js": "require('./f.js')()", "f.js": "module.exports = () => {}"}),
        ("php", {"main.php": "<?php require 'f.php'; f();", "f.php": "<?php function f() {}"}),
        ("python", {"main.py": "import f; f.f()", "f.py": "def f(): pass"}),
        ("ruby", {"main.rb": "require_relative 'f'; f", "f.rb": "def f; end"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_program_of_several_files_runs(worker: Worker, runtime: str, files: dict[str, str]) -> None:
    ended = await record(worker, runtime, files)
    assert ended.verdict == "accepted", text(ended.stderr.data)


async def test_each_version_is_offered_and_the_name_alone_means_the_first(worker: Worker) -> None:
    while "2.0.1" not in {o.version for o in (await offer_of(worker)).runtimes if o.name == "toy"}:  # noqa: ASYNC110
        await asyncio.sleep(0.05)  # further versions are tried after the executor is ready, and nobody is told
    said = [text((await record(worker, name, {"main.toy": ":"})).stderr.data) for name in ("toy", "toy@2", "toy@1.5")]
    assert said == ["from 1.5.0\n", "from 2.0.1\n", "from 1.5.0\n"]
    assert (await worker.failed(Program.model_validate(_asking("toy@3")))).reason == "unsupported"


def _asking(runtime: str) -> dict[str, object]:
    files = [{"path": "main.toy", "content": ":"}]
    limits = {"limits": Limits(), "compile_limits": CompileLimits()}
    return {"runtime": runtime, "files": files, "entrypoint": "main.toy", **limits}


async def test_program_sees_nothing_of_other_languages_and_of_what_was_installed_here(worker: Worker) -> None:
    closed = "/usr/local /usr/src /usr/games /usr/include /usr/share/doc /usr/share/perl5 /usr/lib/jvm /usr/lib/go-1.19"
    closed += (
        " /usr/lib/gcc /usr/lib/python3 /usr/lib/python3.11 /usr/lib/node_modules /usr/lib/ruby /opt /root /home /var"
    )
    ended = await record(worker, "bash", {"main.sh": f"for each in {closed}; do test -e $each && echo $each; done; :"})
    assert (ended.verdict, text(ended.stdout.data)) == ("accepted", "")


async def test_python_sees_its_standard_library_alone(worker: Worker) -> None:
    source = """
import importlib.metadata, os, sys
print([d.metadata["Name"] for d in importlib.metadata.distributions()], os.path.exists("/usr/include"))
"""
    ended = await record(worker, "python", {"main.py": source})
    assert text(ended.stdout.data) == "[] False\n"
