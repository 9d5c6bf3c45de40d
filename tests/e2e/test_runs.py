"""What a program may do and what its record then says, through the public interface on the real executor."""

import base64
import json
from typing import Any

import httpx
import pytest

from cloche.client.sse import SseParser

MIB = 1024 * 1024

ECHO = {
    "python": "import sys\nprint('hello')\nsys.stdout.write(sys.stdin.read())",
    "javascript": "console.log('hello'); process.stdin.pipe(process.stdout)",
    "bash": "echo hello; cat",
    "c": '#include <stdio.h>\nint main(void){int c;puts("hello");while((c=getchar())!=EOF)putchar(c);return 0;}',
    "cpp": '#include <iostream>\nint main(){std::cout<<"hello\\n"<<std::cin.rdbuf();}',
}


@pytest.mark.parametrize("runtime", sorted(ECHO))
def test_each_runtime_says_hello_and_echoes_its_input(run, runtime):
    done = run(runtime, source=ECHO[runtime], stdin="grüße\nlast line\n")
    assert (done["verdict"], done["exit_code"]) == ("accepted", 0), done["message"]
    assert done["stdout"]["text"] == "hello\ngrüße\nlast line\n"
    assert done["runtime"].startswith(f"{runtime}@")
    assert (done["engine"], done["isolation"], done["attempts"]) == ("local", "namespace", 1)
    assert (done["compile"] is not None) == (runtime in {"c", "cpp"})
    assert 0 < done["wall_time_ms"] < 10_000
    assert done["peak_memory_bytes"] > 0
    steps = ["created_at", "queued_at", "leased_at", "started_at", "finished_at", "stored_at"]
    times = [done["timeline"][step] for step in steps]
    assert times == sorted(times)


@pytest.mark.parametrize("runtime", ["c", "cpp"])
def test_a_compile_error_carries_the_compilers_words(run, runtime):
    done = run(runtime, source="int main(void) { return undeclared_name; }")
    assert (done["verdict"], done["evidence"]["source"]) == ("compile_error", "compile")
    assert "undeclared_name" in done["compile"]["output"]
    assert done["compile"]["exit_code"] == 1
    assert done["stdout"]["bytes"] == 0


LIMITS: list[tuple[str, str, float, str, str]] = [
    ("wall_time_s", "time_limit_exceeded", 0.5, "import time\ntime.sleep(60)", "wall_time_ms"),
    ("cpu_time_s", "time_limit_exceeded", 0.5, "while True: pass", "cpu_time_ms"),
    ("memory_bytes", "memory_limit_exceeded", 64 * MIB, "x = []\nwhile True: x.append(bytearray(1 << 20))", ""),
    ("output_bytes", "output_limit_exceeded", 10_000, "while True: print('x' * 99)", ""),
]


@pytest.mark.parametrize(("limit", "verdict", "value", "source", "figure"), LIMITS, ids=[case[0] for case in LIMITS])
def test_a_limit_ends_the_program_with_evidence_and_keeps_what_it_wrote(run, limit, verdict, value, source, figure):
    done = run(source=f"print('before', flush=True)\n{source}", limits={limit: value})
    assert done["verdict"] == verdict, done["message"]
    evidence = done["evidence"]
    assert (evidence["source"], evidence["limit"], evidence["limit_value"]) == ("limit", limit, value)
    assert evidence["killed_by"] in {"cloche", "kernel"}
    if limit == "memory_bytes":
        assert evidence["measured"] >= value * 0.9
    else:
        assert value <= evidence["measured"]
    if figure:
        assert done[figure] >= value * 1000
    assert done["stdout"]["text"].startswith("before\n")
    assert done["stdout"]["truncated"] == (limit == "output_bytes")


def test_an_output_limit_keeps_exactly_its_bytes_and_counts_the_rest(run, api):
    done = run(source="print('é' * 5000)", limits={"output_bytes": 1001})
    view = done["stdout"]
    assert (view["kept"], view["truncated"]) == (1001, True)
    assert view["bytes"] > 1001
    assert (view["text"], view["shown"]) == ("é" * 500, 1000), "half a character is not shown"
    raw = api.get(f"/api/v1/evaluations/{done['id']}/output/stdout").content
    assert raw == ("é" * 501).encode()[:1001]


def test_a_status_and_a_signal_are_told_apart(run):
    left = run(source="import sys\nsys.exit(7)")
    assert (left["verdict"], left["exit_code"], left["signal"]) == ("runtime_error", 7, None)
    killed = run(source="import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    assert (killed["verdict"], killed["signal"], killed["evidence"]["source"]) == ("runtime_error", 11, "signal")
    raised = run(source="raise ValueError('why')")
    assert raised["exit_code"] == 1
    assert "ValueError: why" in raised["stderr"]["text"]


def test_bytes_that_are_no_text_come_back_byte_for_byte(run, api):
    data = bytes(range(256)) * 4
    done = run(source="import os\nos.write(1, bytes(range(256)) * 4)\nos.write(2, b'plain')")
    assert done["stdout"]["text"] is None
    assert base64.b64decode(done["stdout"]["base64"]) == data
    assert (done["stderr"]["text"], done["stderr"]["base64"]) == ("plain", None)
    path = f"/api/v1/evaluations/{done['id']}/output/stdout"
    raw = api.get(path)
    assert raw.content == data
    assert raw.headers["content-type"].startswith("text/plain")
    part = api.get(path, headers={"Range": "bytes=250-259"})
    assert (part.status_code, part.content) == (206, data[250:260])


SPLIT = {
    "streamed": "import sys, time\nfor _ in range(4):\n sys.stdout.write('€😀é' * 6000)\n sys.stdout.flush()\n"
    " time.sleep(0.15)",
    "at once": "print('a' + '€' * 20000)",
    "byte by byte": "import os, time\nfor byte in 'x€😀y'.encode():\n os.write(1, bytes([byte]))\n time.sleep(0.12)",
}


@pytest.mark.parametrize("how", sorted(SPLIT))
def test_no_event_of_a_text_is_cut_inside_a_character(run, api, how):
    def submit() -> str:
        return api.post("/api/v1/evaluations", json={"runtime": "python", "source": SPLIT[how]}).json()["id"]

    evaluation_id = submit()
    live = _events(api, evaluation_id)
    replayed = _events(api, evaluation_id)
    whole = api.get(f"/api/v1/evaluations/{evaluation_id}/output/stdout").content
    assert len(whole) > 5
    for events in (live, replayed):
        outputs = [data for kind, data in events if kind == "output"]
        assert b"".join(one["text"].encode() for one in outputs) == whole
        assert [one["offset"] for one in outputs] == _offsets(outputs)
        assert events[-1][0] == "evaluation.finished"


COMPARED: list[tuple[str, str, Any, str]] = [
    ("a b\n", "a b\n", "exact", "accepted"),
    ("a b\n", "a b", "exact", "wrong_answer"),
    ("a b\n", "a b", "trimmed", "accepted"),
    ("a  b \n\n", "a  b", "trimmed", "accepted"),
    ("a  b\n", "a b\n", "trimmed", "wrong_answer"),
    ("a\n b\n", "a b", "tokens", "accepted"),
    ("a b c", "a b", "tokens", "wrong_answer"),
    ("0.3333333", "0.3333334", {"float": 1e-6}, "accepted"),
    ("0.334", "0.333", {"float": 1e-6}, "wrong_answer"),
    ("nan 1e3", "nan 1000", {"float": 0}, "accepted"),
]


def test_cases_are_compared_as_each_asks(run):
    cases = [
        {"name": f"{number}", "stdin": written, "expected_stdout": expected, "compare": compare}
        for number, (written, expected, compare, _) in enumerate(COMPARED)
    ]
    done = run(source="import sys\nsys.stdout.write(sys.stdin.read())", cases=cases)
    assert [case["verdict"] for case in done["cases"]] == [verdict for *_, verdict in COMPARED]
    assert [case["name"] for case in done["cases"]] == [case["name"] for case in cases]
    assert done["verdict"] == "wrong_answer", "the first that fails decides"


def test_each_case_has_its_own_process_input_and_arguments(run):
    source = "import os, sys\nprint(sys.argv[1:], input(), os.path.exists('left'))\nopen('left', 'w').close()"
    cases = [
        {"stdin": "one\n", "args": ["-a", "b c"], "expected_stdout": "['-a', 'b c'] one False\n"},
        {"stdin": "two\n", "expected_stdout": "nothing like it"},
        {"stdin": "", "expected_stdout": "x"},
    ]
    done = run(source=source, cases=cases)
    assert [case["verdict"] for case in done["cases"]] == ["accepted", "wrong_answer", "runtime_error"]
    assert "EOFError" in done["stderr"]["text"]


def test_several_files_arguments_and_environment_reach_the_program(run):
    blob = b"\x00\xff"
    files = [
        {"path": "lib/words.py", "content": "WORD = open('data/blob', 'rb').read()"},
        {"path": "data/blob", "content": base64.b64encode(blob).decode(), "encoding": "base64"},
        {"path": "start.py", "content": "import os, sys\nfrom lib.words import WORD\n"
         "print(WORD, sys.argv[1:], os.environ['GREETING'])"},
    ]  # fmt: skip
    arguments = ["--depth", "two words", "", "'\"$HOME`", "grüße"]
    done = run(files=files, entrypoint="start.py", args=arguments, env={"GREETING": "a=b 'c'\n"})
    assert done["stdout"]["text"] == f"{blob!r} {arguments} a=b 'c'\n\n"
    assert [file["path"] for file in done["program"]["files"]] == [file["path"] for file in files]


def test_the_programs_environment_is_its_own(run):
    done = run(source="import os, json\nprint(json.dumps(dict(os.environ)))", env={"A": "1"})
    seen = json.loads(done["stdout"]["text"])
    assert seen.pop("A") == "1"
    assert not [name for name in seen if name.startswith("CLOCHE")]


def test_isolation_that_nobody_offers_is_refused(api):
    for isolation in ("gvisor", "vm"):
        answer = api.post("/api/v1/evaluations", json={"runtime": "python", "source": "", "isolation": isolation})
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["isolation"]


def test_four_mebibytes_of_input_arrive(run):
    text = "0123456789abcde\n" * (4 * MIB // 16)
    source = (
        "import sys, hashlib\nd = sys.stdin.buffer.read()\nprint(len(d), d == b'0123456789abcde\\n' * (len(d) // 16))"
    )
    assert run(source=source, stdin=text)["stdout"]["text"] == f"{4 * MIB} True\n"


def test_a_program_is_alone(run):
    done = run("bash", source="ls /proc | grep -c '^[0-9]*$'; (echo > /dev/tcp/127.0.0.1/80) 2>&1; touch /etc/x; id -u")
    assert "socket: Operation not permitted" in done["stdout"]["text"]
    assert int(done["stdout"]["text"].split()[0]) < 10
    assert "/etc/x" in done["stderr"]["text"]


def _events(api: httpx.Client, evaluation_id: str) -> list[tuple[str, dict[str, Any]]]:
    parser, found = SseParser(), []
    with api.stream("GET", f"/api/v1/evaluations/{evaluation_id}/events") as answer:
        for chunk in answer.iter_raw():
            found += [(event.type, json.loads(event.data)) for event in parser.feed(chunk)]
    return found


def _offsets(outputs: list[dict[str, Any]]) -> list[int]:
    position, found = 0, []
    for one in outputs:
        found.append(position)
        position += one["bytes"]
    return found
