"""Piston's clients, unmodified, against each address of the door."""

import asyncio
import importlib.util
from typing import Any

import pytest
import ultra_piston
from ultra_piston.errors import BadRequestError

ADDRESSES = ("/api/v2", "/api/v2/piston", "/compat/piston/api/v2")
needs_rspy = pytest.mark.skipif(
    importlib.util.find_spec("piston_rspy") is None, reason="piston_rspy has wheels below Python 3.13 alone"
)


@pytest.fixture
def execute(api):
    """A body for ``/execute`` and what is answered."""

    def post(**body: Any) -> Any:
        given = {"language": "python", "version": "*", **body}
        answer = api.post("/api/v2/execute", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post


@pytest.mark.parametrize("address", ADDRESSES)
def test_ultra_piston_lists_and_runs(stack, address):
    client = ultra_piston.PistonClient(base_url=f"{stack.url}{address}", rate_limit=0)
    runtimes = client.get_runtimes()
    assert {"python", "javascript", "c", "c++", "bash"} <= {runtime.language for runtime in runtimes}
    assert {package.language for package in client.get_packages()} == {runtime.language for runtime in runtimes}
    done = client.post_execute(
        language="py", version="3.x", file=ultra_piston.File(content="import sys\nprint(input(), sys.argv[1:])"),
        stdin="hi", args=["a", "b c"],
    )  # fmt: skip
    assert done.language == "python"
    assert done.version in {runtime.version for runtime in runtimes}
    assert (done.run.stdout, done.run.code, done.run.signal) == ("hi ['a', 'b c']\n", 0, None)
    assert done.compile is None


def test_ultra_piston_tells_what_is_wrong(stack):
    client = ultra_piston.PistonClient(base_url=f"{stack.url}/api/v2", rate_limit=0)
    with pytest.raises(BadRequestError):
        client.post_execute(language="klingon", version="*", file=ultra_piston.File(content="x"))


async def _run(stack: Any, language: str, code: str, name: str = "main") -> Any:
    import piston_rspy

    client = piston_rspy.Client.with_url(f"{stack.url}/api/v2")
    file = piston_rspy.File(name=name, content=code)
    return await client.execute(piston_rspy.Executor().set_language(language).set_version("*").add_file(file))


@needs_rspy
def test_piston_rspy_lists_and_runs(stack):
    import piston_rspy

    async def both() -> tuple[Any, Any]:
        client = piston_rspy.Client.with_url(f"{stack.url}/api/v2")
        return await client.fetch_runtimes(), await _run(stack, "c", '#include <stdio.h>\nint main(){puts("hi");}')

    runtimes, done = asyncio.run(both())
    assert "python" in {runtime.language for runtime in runtimes}
    assert (done.status, done.language) == (200, "c")
    assert (done.run.stdout, done.run.code, done.run.signal) == ("hi\n", 0, None)
    assert done.compile.code == 0


@needs_rspy
def test_piston_rspy_shows_the_words_of_a_refusal(stack):
    done = asyncio.run(_run(stack, "klingon", "x"))
    assert (done.status, done.run.code) == (400, 1)
    assert "klingon-* runtime is unknown" in done.run.stderr


@needs_rspy
def test_piston_rspy_sees_a_compile_error_in_both_stages(stack):
    done = asyncio.run(_run(stack, "c++", "int main() { return undeclared; }"))
    assert done.run.code == done.compile.code == 1
    assert "undeclared" in done.run.stderr


def test_the_example_of_its_documentation(execute):
    """``readme.md``, "Execute": three files of which the second is data."""
    done = execute(
        language="js",
        version="*",
        files=[{"name": "my_cool_code.js", "content": "console.log(process.argv)"}],
        stdin="",
        args=["1", "2", "3"],
        compile_timeout=10000,
        run_timeout=3000,
        compile_cpu_time=10000,
        run_cpu_time=3000,
        compile_memory_limit=-1,
        run_memory_limit=-1,
    )
    assert done["language"] == "javascript"
    assert set(done) == {"language", "version", "run"}
    assert (done["run"]["code"], done["run"]["stderr"]) == (0, "")
    assert all(word in done["run"]["stdout"] for word in ("my_cool_code.js", "'1'", "'2'", "'3'"))
    assert done["run"]["output"] == done["run"]["stdout"]
    assert done["run"]["wall_time"] > 0
    assert done["run"]["memory"] > 0


@pytest.mark.parametrize(
    ("code", "fields", "expected"),
    [
        ("raise SystemExit(3)", {}, (3, None, "RE")),
        ("import os; os.kill(os.getpid(), 11)", {}, (None, "SIGSEGV", "SG")),
        ("while True: pass", {"run_timeout": 500}, (None, "SIGKILL", "TO")),
        ("while True: pass", {"run_cpu_time": 300}, (None, "SIGKILL", "TO")),
        ("x = bytearray(10**9)\nx[::4096] = b'1' * len(x[::4096])", {"run_memory_limit": 64_000_000}, None),
        ("print('x' * 2**21)", {}, (None, "SIGKILL", "OL")),
        ("import sys; sys.stderr.write('x' * 2**21)", {}, (None, "SIGKILL", "EL")),
    ],
)
def test_each_ending_has_its_letters(execute, code, fields, expected):
    run = execute(files=[{"content": code}], **fields)["run"]
    if expected is None:  # the interpreter may see its limit before the kernel does
        assert run["status"] in {"SG", "RE"}
    else:
        assert (run["code"], run["signal"], run["status"]) == expected


def test_stdin_ends_with_a_newline_and_data_files_are_data(execute):
    code = "import sys; print(repr(sys.stdin.read()), open('d', 'rb').read())"
    files = [{"name": "main.py", "content": code}, {"name": "d", "content": "00ff", "encoding": "hex"}]
    assert execute(files=files, stdin="a")["run"]["stdout"] == "'a\\n' b'\\x00\\xff'\n"


def test_the_program_knows_its_language(execute):
    code = "import os; print(os.environ['PISTON_LANGUAGE'])"
    assert execute(files=[{"content": code}])["run"]["stdout"] == "python\n"


@pytest.mark.parametrize("address", ADDRESSES)
def test_errors_have_its_shape(api, address):
    assert (api.get(f"{address}/nothing").status_code, api.get(f"{address}/nothing").json()) == (
        404,
        {"message": "Not Found"},
    )
    broken = api.post(f"{address}/execute", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, set(broken.json())) == (400, {"stack"})
    wrong = api.post(f"{address}/execute", json={})
    assert (wrong.status_code, wrong.json()) == (400, {"message": "language is required as a string"})
    for method in ("POST", "DELETE"):
        refused = api.request(method, f"{address}/packages", json={"language": "python", "version": "3.12"})
        assert (refused.status_code, set(refused.json())) == (403, {"message"})


def test_it_greets(api):
    assert api.get("/compat/piston/").json() == {"message": "Piston v3.1.1"}
