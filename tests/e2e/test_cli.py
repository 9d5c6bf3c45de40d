"""The command against the whole stack: what a person or a script sees."""

import asyncio
import functools
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cloche.client.async_client import AsyncClient
from cloche.client.calls import ListFilter
from cloche.client.client import Client
from cloche.client.watching import OutputChunk
from cloche.contracts.evaluation import Evaluation
from cloche.contracts.limits import Limits
from cloche.contracts.submission import Case, EvaluationRequest

BYTES = bytes(range(256)) * 64
ENDLESS = "import time\nprint('begun', flush=True)\nwhile True: time.sleep(0.05); print('.', flush=True)\n"

Cloche = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def argv() -> list[str]:
    return [sys.executable, "-m", "cloche.cli.main"]


@pytest.fixture
def cloche(stack, argv, tmp_path: Path) -> Cloche:
    def run(*arguments: str, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*argv, *arguments],
            cwd=tmp_path,
            env={**stack.environment, **environment},
            input=given,
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], str]:
    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


@pytest.fixture
def client(stack):
    with Client(stack.url) as found:
        yield found


def test_output_is_passed_on_byte_for_byte_to_either_stream(cloche, program):
    name = program("b.py", "import os\nd = bytes(range(256)) * 64\nos.write(1, d)\nos.write(2, d[::-1])\n")
    done = cloche("run", name)
    assert done.returncode == 0
    assert done.stdout == BYTES
    assert done.stderr == BYTES[::-1]


def test_much_output_arrives_whole(cloche, program):
    name = program("much.py", "import sys\nfor i in range(100_000): sys.stdout.buffer.write(b'%07d\\xff\\n' % i)\n")
    done = cloche("run", name)
    assert done.stdout == b"".join(b"%07d\xff\n" % i for i in range(100_000))


@pytest.mark.parametrize(
    ("source", "options", "code"),
    [
        ("pass", [], 0),
        ("import sys; sys.exit(3)", [], 11),
        ("while True: pass", ["--limit", "wall=500ms"], 13),
        ("x = bytearray(1 << 29)", ["--limit", "memory=64MiB"], 14),
        ("import os\nwhile True: os.write(1, b'x' * 4096)", ["--limit", "output=10KiB"], 15),
    ],
)
def test_the_exit_status_is_the_verdict(cloche, program, source, options, code):
    done = cloche("run", program("p.py", source), *options)
    assert done.returncode == code, done.stderr


def test_a_compilers_words_are_shown_when_it_refuses(cloche, program):
    done = cloche("run", "--runtime", "bash", program("fine", "echo hi"))
    assert done.stdout == b"hi\n"
    done = cloche("run", program("bad.c", "int main({"))
    if b"no executor offers c" in done.stderr:
        pytest.skip("this machine has no C compiler")
    assert done.returncode == 12
    assert b"error:" in done.stderr


def test_stdin_arguments_environment_and_several_files_reach_the_program(cloche, program, tmp_path):
    (tmp_path / "lib").mkdir()
    main = program("main.py", "import os, sys, lib.x\nprint(input(), sys.argv[1:], os.environ['A'], lib.x.Y)\n")
    other = program("lib/x.py", "Y = 7\n")
    arguments = ["-a", "one", "-a", "--two", "-e", "A=b=c"]
    done = cloche("run", main, other, *arguments, "--stdin", "-", given="grüße\n".encode())
    assert done.stdout.decode() == "grüße ['one', '--two'] b=c 7\n", done.stderr
    (tmp_path / "in.txt").write_text("from a file\n", encoding="utf-8")
    assert cloche("run", main, other, *arguments, "--stdin", "in.txt").stdout.startswith(b"from a file ")


def test_the_program_itself_may_come_from_stdin(cloche):
    assert cloche("run", "-r", "python", "-", given=b"print(6 * 7)").stdout == b"42\n"


def test_piped_there_is_no_summary_unless_asked(cloche, program):
    name = program("p.py", "print(1)")
    assert cloche("run", name).stderr == b""
    summary = cloche("run", name, "--verbose").stderr.decode()
    assert summary.startswith("✔ accepted")
    assert summary.count("\n") == 1
    assert "/evaluations/" in summary


def test_json_prints_the_finished_evaluation_and_no_output(cloche, program):
    done = cloche("run", program("p.py", "print('hi'); exit(2)"), "--json")
    run = json.loads(done.stdout)
    assert done.returncode == 11
    assert (run["verdict"], run["exit_code"], run["stdout"]["text"]) == ("runtime_error", 2, "hi\n")


def test_no_wait_prints_the_id_and_logs_follow_it(cloche, program):
    source = "import time\nfor i in range(3): print(i, flush=True); time.sleep(0.1)"
    done = cloche("run", program("p.py", source), "--no-wait")
    assert done.returncode == 0
    evaluation_id = str(UUID(done.stdout.decode().strip()))
    followed = cloche("logs", evaluation_id, "--follow")
    assert (followed.returncode, followed.stdout) == (0, b"0\n1\n2\n")
    assert cloche("logs", evaluation_id).stdout == b"0\n1\n2\n"


def test_logs_of_one_stream(cloche, program):
    name = program("p.py", "import os\nos.write(1, b'o\\xff')\nos.write(2, b'e')")
    shown = json.loads(cloche("run", name, "--json").stdout)
    only = cloche("logs", shown["id"], "--stream", "stderr")
    assert (only.stdout, only.stderr) == (b"", b"e")
    both = cloche("logs", shown["id"])
    assert (both.stdout, both.stderr) == (b"o\xff", b"e")


def test_list_filters_and_is_plain_when_piped(cloche, program):
    name, label = program("p.py", "exit(1)"), f"batch={uuid4()}"
    cloche("run", name, "--label", label, "--name", "evil\tname\x1b[31m\nx")
    cloche("run", name, "--label", label)
    rows = cloche("list", "--label", label, "--verdict", "runtime_error", "--status", "finished").stdout.decode()
    newest, oldest = (line.split("\t") for line in rows.splitlines())
    assert oldest[-1] == "evil␉name␛[31m␊x"
    assert newest[1:4] == ["finished", "runtime_error", newest[3]]
    assert newest[3].startswith("python@")
    assert cloche("list", "--label", label, "--verdict", "accepted").stdout == b""
    assert cloche("list", "--label", label, "--limit", "1").stdout.count(b"\n") == 1
    lines = cloche("list", "--label", label, "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [newest[0], oldest[0]]


def test_show_tells_the_facts_and_the_cases(cloche, client):
    cases = [Case(name="right", stdin="2", expected_stdout="4"), Case(name="wrong", stdin="3", expected_stdout="0")]
    run = client.run(EvaluationRequest(runtime="python", source="print(int(input()) * 2)", cases=cases))
    assert run.verdict == "wrong_answer"
    rows = [line.split("\t") for line in cloche("show", str(run.id)).stdout.decode().splitlines()]
    assert ["state", "wrong answer"] in rows
    shown = [row[1:4] for row in rows if row[0] == "case"]
    assert shown == [["1", "right", "accepted"], ["2", "wrong", "wrong_answer"]]
    assert json.loads(cloche("show", str(run.id), "--json").stdout)["id"] == str(run.id)


def test_cancel_ends_a_running_program(cloche, client):
    run = client.submit(EvaluationRequest(runtime="python", source=ENDLESS, limits=Limits(wall_time_s=60)))
    _until_it_prints(client, run.id)
    assert cloche("logs", str(run.id)).stdout.startswith(b"begun\n")
    assert cloche("cancel", str(run.id)).returncode == 0
    assert client.get(run.id, wait_s=20).verdict == "cancelled"
    assert b"finished" in cloche("cancel", str(run.id)).stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_evaluation(stack, argv, program, client, tmp_path, number, code):
    label = str(uuid4())
    name = program("p.py", ENDLESS)
    command = [*argv, "run", name, "--limit", "wall=60", "--label", f"t={label}"]
    # Where the tests run in a shell's background, SIGINT is ignored, and that is inherited.
    heard = functools.partial(signal.signal, number, signal.SIG_DFL)
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=stack.environment,
        stdout=subprocess.PIPE,
        preexec_fn=heard,  # noqa: PLW1509  (no thread runs here)
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"begun\n"
        running.send_signal(number)
        assert running.wait(30) == code
    assert _labelled(client, label).verdict == "cancelled"


def test_a_reader_that_goes_away_cancels_the_evaluation(stack, argv, program, client, tmp_path):
    label = str(uuid4())
    name = program("p.py", ENDLESS)
    command = [*argv, "run", name, "--limit", "wall=60", "--label", f"t={label}"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.wait(30) == 141
        assert running.stderr.read() == b""
    assert _labelled(client, label).verdict == "cancelled"


def test_on_a_terminal_escapes_are_shown_and_a_summary_follows(stack, argv, program, tmp_path):
    name = program("p.py", "print('\\x1b]0;owned\\x07\\x1b[31mred', end='')")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*argv, "run", name], cwd=tmp_path, env=stack.environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        seen = _read_all(ours)
        assert running.wait(30) == 0
    first, summary = seen.decode().split("\r\n")[:2]
    assert first == "␛]0;owned␇\x1b[31mred\x1b[0m"
    assert "accepted" in summary


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "nothing.py"], 2, "can't be read"),
        (["run", "p.unknown"], 2, "--runtime"),
        (["run", "p.py", "--limit", "wall=forever"], 2, "--limit"),
        (["run", "p.py", "--limit", "wall=3000"], 2, "limits.wall_time_s"),
        (["run", "p.py", "--runtime", "cobol"], 2, "no executor offers cobol"),
        (["show", str(UUID(int=1))], 5, "no such evaluation"),
        (["list", "--url", "http://127.0.0.1:9"], 3, "cloche up"),
        (["list", "--url", "nonsense"], 2, "not a URL"),
    ],
)
def test_what_goes_wrong_has_its_own_status_and_a_sentence(cloche, program, arguments, code, words):
    program("p.py", "")
    program("p.unknown", "")
    done = cloche(*arguments, COLUMNS="200")
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_wrong_key_is_refused(cloche):
    assert cloche("list", CLOCHE_API_KEY="wrong").returncode == 4


def test_the_stack_of_the_data_directory_is_found_without_a_url(cloche, stack):
    assert cloche("list", CLOCHE_URL="").returncode == 0


def test_the_same_key_submits_once(client):
    request, key = EvaluationRequest(runtime="python", source="print(1)"), uuid4().hex
    first, second = (client.submit(request, idempotency_key=key) for _ in range(2))
    assert first.id == second.id
    assert client.rerun(first.id, wait_s=20).rerun_of == first.id
    assert {runtime.name for runtime in client.runtimes()} >= {"python", "bash"}


def test_many_run_at_once_and_each_is_watched(stack):
    async def one(client: AsyncClient, number: int) -> tuple[bytes, str | None]:
        run = await client.submit(EvaluationRequest(runtime="python", source=f"print({number})"))
        written, verdict = b"", None
        async for event in client.events(run.id):
            if isinstance(event, OutputChunk):
                written += event.data
            elif isinstance(event, Evaluation):
                verdict = event.verdict
        return written, verdict

    async def main() -> list[tuple[bytes, str | None]]:
        async with AsyncClient(stack.url) as client:
            return await asyncio.gather(*(one(client, number) for number in range(20)))

    assert asyncio.run(main()) == [(b"%d\n" % number, "accepted") for number in range(20)]


def _until_it_prints(client: Client, evaluation_id: UUID) -> None:
    events = client.events(evaluation_id)
    assert any(isinstance(event, OutputChunk) for event in events)
    events.close()


def _labelled(client: Client, label: str) -> Any:
    (found,) = client.list(ListFilter(label=("t", label)))
    return client.get(found.id, wait_s=20)


def _read_all(descriptor: int) -> bytes:
    seen = b""
    with os.fdopen(descriptor, "rb", buffering=0) as terminal:
        while True:
            try:
                part = terminal.read(4096)
            except OSError:  # Linux answers EIO when the other side is closed
                return seen
            if not part:
                return seen
            seen += part
