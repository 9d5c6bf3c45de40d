"""``cloche mcp`` with the protocol's own Python client, over stdin and stdout and over HTTP."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mcp import StdioServerParameters
from mcp.client.client import Client

ARGV = ("-m", "cloche.cli.main", "mcp")


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.asynccontextmanager
async def by_stdio(stack: Any) -> AsyncIterator[Client]:
    server = StdioServerParameters(command=sys.executable, args=[*ARGV, "--url", stack.url], env=stack.environment)
    async with Client(server) as client:
        yield client


@contextlib.asynccontextmanager
async def serving(stack: Any, port: int) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *ARGV, "--url", stack.url, "--http", str(port), env=stack.environment, stderr=-3
    )
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await http.get(f"http://127.0.0.1:{port}/mcp")
                    break
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        await process.wait()


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer
    told = answer.structured_content
    assert told is not None
    text = answer.content[0]
    assert text.type == "text"
    assert tool == "output" or json.loads(text.text)
    return told.get("result", told)


async def test_an_agent_runs_a_program_and_reads_it_again(stack):
    async with by_stdio(stack) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"run_code", "runtimes", "result", "recent", "output"}
        ran = await called(client, "run_code", code="print(input() * 2)", stdin="ab\n")
        assert (ran["verdict"], ran["stdout"], ran["exit_code"]) == ("accepted", "abab\n", 0)
        again = await called(client, "result", evaluation_id=ran["evaluation_id"])
        assert again == ran
        listed = await called(client, "recent", limit=1)
        assert [one["evaluation_id"] for one in listed] == [ran["evaluation_id"]]
        assert await called(client, "output", evaluation_id=ran["evaluation_id"], start=2) == "ab\n"
        assert "python" in {one["name"] for one in await called(client, "runtimes")}


async def test_files_lie_beside_the_program(stack):
    async with by_stdio(stack) as client:
        files = [{"path": "data/words.txt", "content": "glass"}]
        ran = await called(client, "run_code", code="print(open('data/words.txt').read())", files=files)
        assert ran["stdout"] == "glass\n"


async def test_a_programs_failure_is_no_error_of_the_tool(stack):
    async with by_stdio(stack) as client:
        ran = await called(client, "run_code", code="1 / 0")
        assert ran["verdict"] == "runtime_error"
        assert "ZeroDivisionError" in ran["stderr"]
        ran = await called(client, "run_code", code="while True: pass", timeout_s=1)
        assert ran["verdict"] == "time_limit_exceeded"


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("run_code", {"code": "print(1)", "runtime": "cobol-60"}, "no executor offers"),
        ("result", {"evaluation_id": str(uuid4())}, "no such evaluation"),
        ("result", {"evaluation_id": "x"}, "uuid"),
    ],
)
async def test_what_the_tool_can_not_do_is_its_error(stack, tool: str, arguments: dict[str, Any], said: str):
    async with by_stdio(stack) as client:
        answer = await client.call_tool(tool, arguments)
    assert answer.is_error
    assert said in getattr(answer.content[0], "text", "").lower()


async def test_the_same_tools_by_http_and_no_page_of_the_web_may_use_them(stack, free_port: int):
    async with serving(stack, free_port) as url:
        async with Client(url) as client:
            assert (await called(client, "run_code", code="print(6 * 7)"))["stdout"] == "42\n"
        async with httpx.AsyncClient(trust_env=False) as http:
            call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
            headers = {"Accept": "application/json, text/event-stream"}
            strange = await http.post(url, json=call, headers={**headers, "Origin": "https://strange.example"})
            rebound = await http.post(url, json=call, headers={**headers, "Host": "strange.example"})
    assert strange.status_code == 403
    assert rebound.status_code in {403, 421}


async def test_it_serves_nobody_beyond_this_machine(stack):
    process = await asyncio.create_subprocess_exec(
        sys.executable, *ARGV, "--http", "9", "--host", "0.0.0.0", env=stack.environment, stderr=-1
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"loopback" in said
