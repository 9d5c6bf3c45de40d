"""``cloche mcp``: Cloche as tools of the Model Context Protocol, for agents that run what they wrote."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer
from pydantic import BaseModel, Field

from cloche.cli.connection import Url, errors, find_cloche
from cloche.cli.exit_codes import FAILED
from cloche.client.async_client import AsyncClient
from cloche.client.calls import ListFilter
from cloche.contracts.evaluation import Evaluation
from cloche.contracts.limits import Limits
from cloche.contracts.submission import EvaluationRequest, File
from cloche.kit.errors import ClocheError
from cloche.kit.listen import is_local

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

Port = Annotated[int | None, typer.Option("--http", min=1, max=65535, help="Serve streamable HTTP on this port.")]
Host = Annotated[str, typer.Option("--host", help="Of --http; loopback only, as whoever reaches it has your key.")]

INSTRUCTIONS = (
    "Runs programs in isolated cells without network. Nothing is kept between runs but their records: put all that a "
    "program needs into one call. A verdict other than accepted is the program's own failure, told by its output."
)
#: Of each stream, in an answer.
MOST_SHOWN = 20_000
MOST_LISTED = 50

Code = Annotated[str, Field(description="The program's source.")]
RuntimeName = Annotated[str, Field(description="name or name@version, as `runtimes` lists them.")]
Files = Annotated[
    list[File] | None, Field(description="Files beside the program, which it finds in its working directory.")
]


class Ran(BaseModel):
    """What a program came to. ``truncated`` tells that there is more output than is shown."""

    evaluation_id: UUID
    status: str
    verdict: str | None
    message: str
    exit_code: int | None
    stdout: str
    stderr: str
    compiler: str
    truncated: bool
    wall_time_ms: float | None
    peak_memory_bytes: int | None


class RuntimeListed(BaseModel):
    """A language that can be run."""

    name: str
    version: str
    aliases: list[str]


class Recent(BaseModel):
    """One earlier run."""

    evaluation_id: UUID
    name: str
    runtime: str
    verdict: str | None
    created_at: str


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("mcp")(serve)


def serve(http: Port = None, host: Host = "127.0.0.1", url: Url = None) -> None:
    """Offer this Cloche to agents by the Model Context Protocol, on stdin and stdout or by HTTP at /mcp.

    Needs the extra of that name: pip install 'cloche[mcp]'.
    """
    if not is_local(f"tcp:{host}:0"):
        raise typer.BadParameter("must be loopback: whoever reaches it acts with your key", param_hint="'--host'")
    try:
        server = make_server(*find_cloche(url))
    except ModuleNotFoundError:
        errors.print("cloche mcp needs the package mcp: pip install 'cloche\\[mcp]'")
        raise typer.Exit(FAILED) from None
    if http is None:
        asyncio.run(server.run_stdio_async())
    else:
        errors.print(f"MCP at http://{host}:{http}/mcp", markup=False)
        asyncio.run(server.run_streamable_http_async(host=host, port=http))


def make_server(url: str, api_key: str | None) -> "MCPServer":
    """The server, not yet serving.

    Raises:
        ModuleNotFoundError: the package ``mcp`` is not installed.
    """
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    server = MCPServer("cloche", title="Cloche", instructions=INSTRUCTIONS, log_level="ERROR")

    @asynccontextmanager
    async def cloche() -> AsyncGenerator[AsyncClient]:
        try:
            async with AsyncClient(url, api_key=api_key) as client:
                yield client
        except ClocheError as error:
            raise ToolError("; ".join(f"{p.field}: {p.message}" for p in error.errors or ()) or error.detail) from error

    @server.tool(title="Run a program")
    async def run_code(
        code: Code,
        runtime: RuntimeName = "python",
        stdin: str = "",
        args: list[str] | None = None,
        files: Files = None,
        timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0,
    ) -> Ran:
        """Run a program in a fresh isolated cell and return its verdict and output. It has no network."""
        async with cloche() as client:
            request = await _request(client, code, runtime, files or [])
            limits = Limits(wall_time_s=timeout_s, cpu_time_s=timeout_s)
            told = {"stdin": stdin, "args": args or [], "limits": limits, "labels": {"door": "mcp"}}
            return _ran(await client.run(request.model_copy(update=told)))

    @server.tool(title="Languages")
    async def runtimes() -> list[RuntimeListed]:
        """List the languages that can be run, with their versions."""
        async with cloche() as client:
            offers = await client.runtimes()
        return [RuntimeListed(name=o.name, version=o.version, aliases=list(o.aliases)) for o in offers]

    @server.tool(title="An earlier result")
    async def result(evaluation_id: UUID) -> Ran:
        """Read what an earlier run came to, by its evaluation_id."""
        async with cloche() as client:
            return _ran(await client.get(evaluation_id))

    @server.tool(title="Earlier runs")
    async def recent(limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 10) -> list[Recent]:
        """List the latest runs, newest first."""
        found: list[Recent] = []
        async with cloche() as client:
            async for one in client.list(ListFilter(), page_size=limit):
                created_at = one.timeline.created_at
                listed = Recent(
                    evaluation_id=one.id,
                    name=one.name,
                    runtime=one.runtime,
                    verdict=one.verdict,
                    created_at=created_at,
                )
                found.append(listed)
                if len(found) == limit:
                    break
        return found

    @server.tool(title="Output")
    async def output(
        evaluation_id: UUID, stream: Literal["stdout", "stderr"] = "stdout", start: Annotated[int, Field(ge=0)] = 0
    ) -> str:
        """Read a stored output from a byte on, where a result showed only its beginning."""
        async with cloche() as client:
            data = await client.output(evaluation_id, stream, start=start)
        return data[:MOST_SHOWN].decode("utf-8", "replace")

    return server


async def _request(client: AsyncClient, code: str, runtime: str, files: list[File]) -> EvaluationRequest:
    if not files:
        return EvaluationRequest(runtime=runtime, source=code)
    offers = await client.runtimes()
    name = next((o.source_file for o in offers if o.answers_to(runtime)), "main")
    return EvaluationRequest(runtime=runtime, files=[File(path=name, content=code), *files], entrypoint=name)


def _ran(evaluation: Evaluation) -> Ran:
    out, err = evaluation.stdout.text or "", evaluation.stderr.text or ""
    return Ran(
        evaluation_id=evaluation.id,
        status=evaluation.status,
        verdict=evaluation.verdict,
        message=evaluation.message,
        exit_code=evaluation.exit_code,
        stdout=out[:MOST_SHOWN],
        stderr=err[:MOST_SHOWN],
        compiler=evaluation.compile.output[:MOST_SHOWN] if evaluation.compile else "",
        truncated=evaluation.stdout.truncated or evaluation.stderr.truncated or max(len(out), len(err)) > MOST_SHOWN,
        wall_time_ms=evaluation.wall_time_ms,
        peak_memory_bytes=evaluation.peak_memory_bytes,
    )
