"""Toolchains found on a made-up PATH: every version once, the preferred first, with exactly what it needs."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cloche.executor.engines.engine import ToolchainMissingError
from cloche.executor.engines.local.toolchains import base_view, find_toolchains
from cloche.executor.runtimes import HostTool, Runtime, load_runtimes

(BASH,) = load_runtimes(only=("bash",))


def runtime(**host: object) -> Runtime:
    return BASH.model_copy(update={"host": HostTool.model_validate({"commands": ["bell"], **host})})


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that is all of PATH, not below /tmp: cells have one of their own."""
    with TemporaryDirectory(dir="/var/tmp") as made:
        Path(made).chmod(0o755)
        monkeypatch.setenv("PATH", made)
        yield Path(made)


def tool(path: Path, text: str = "#!/bin/sh\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


async def tools_of(wanted: Runtime) -> list[str]:
    return [found.tool for found in await find_toolchains(wanted)]


async def test_each_executable_is_found_once_and_in_the_order_of_the_commands(place: Path) -> None:
    newer, older = tool(place / "bell-2"), tool(place / "bell-1")
    (place / "bell").symlink_to("bell-1")
    tool(place / "bell-config")
    assert await tools_of(runtime(commands=["bell", "bell-[0-9]"])) == [older, newer]


async def test_versions_behind_shims_are_not_asked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(place / "shims" / "bell-1")
    real = tool(place / "versions" / "2" / "bin" / "bell")
    monkeypatch.setenv("PATH", str(place / "shims"))
    assert await tools_of(runtime(commands=["bell-[0-9]", f"{place}/versions/*/bin/bell"])) == [real]


async def test_what_a_candidate_says_of_itself_is_believed(place: Path) -> None:
    real = tool(place / "opt" / "real")
    tool(place / "bell", f"#!/bin/sh\necho {real}\necho {place}/opt\necho extra={place}/x\n")
    (found,) = await find_toolchains(runtime(ask=["{tool}"]))
    assert (found.tool, found.values) == (real, (("extra", f"{place}/x"),))
    assert found.readonly == (*base_view(), f"{place}/opt")


async def test_tool_alone_is_seen_where_nothing_more_is_named(place: Path) -> None:
    (found,) = await find_toolchains(runtime(commands=[tool(place / "bell")]))
    assert found.readonly == (*base_view(), f"{place}/bell")


async def test_directory_that_belongs_to_many_is_never_shown(place: Path) -> None:
    tool(place / "bell", f"#!/bin/sh\necho {place}/bell\necho /usr\necho /usr/local\necho /\n")
    (found,) = await find_toolchains(runtime(ask=["{tool}"]))
    assert found.readonly == (*base_view(), f"{place}/bell")
    assert not {"/", "/usr", "/usr/local"} & set(base_view())


async def test_hidden_directories_are_those_below_what_is_seen(place: Path) -> None:
    (place / "lib" / "site-packages").mkdir(parents=True)
    tool(place / "bell", f"#!/bin/sh\necho {place}/bell\necho {place}/lib\n")
    hidden = ["site-packages", "/usr/share/doc", "nowhere"]
    (found,) = await find_toolchains(runtime(ask=["{tool}"], hidden=hidden))
    assert found.hidden == (f"{place}/lib/site-packages",)


async def test_one_that_fails_does_not_hinder_another(place: Path) -> None:
    tool(place / "bell", "#!/bin/sh\nexit 1\n")
    good = tool(place / "bell-1", f"#!/bin/sh\necho {place}/bell-1\n")
    assert await tools_of(runtime(commands=["bell", "bell-1"], ask=["{tool}"])) == [good]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\necho cracked >&2; exit 1\n", "cracked"),
        ("#!/bin/sh\necho nothing\n", "does not say where it is"),
        ("#!/nowhere\n", "No such file"),
        ("#!/bin/sh\necho /tmp/bell\n", "No such file"),
    ],
)
async def test_what_the_only_candidate_said_is_told(place: Path, text: str, reason: str) -> None:
    tool(place / "bell", text)
    with pytest.raises(ToolchainMissingError, match=reason):
        await find_toolchains(runtime(ask=["{tool}"]))


async def test_missing_tool_is_told_with_its_package(place: Path) -> None:
    with pytest.raises(ToolchainMissingError, match=r"no bell on PATH; Debian has it in the package campanile"):
        await find_toolchains(runtime(commands=["bell", "bell-[0-9]"], package="campanile"))


async def test_path_that_is_not_there_is_told_as_one(place: Path) -> None:
    with pytest.raises(ToolchainMissingError, match=f"there is no {place}/bell, or uid [0-9]+ can't reach it"):
        await find_toolchains(runtime(commands=[f"{place}/bell"]))


async def test_what_cells_cover_by_their_own_can_not_be_shown() -> None:
    with TemporaryDirectory(dir="/tmp") as made:
        Path(made).chmod(0o755)  # noqa: ASYNC240  (nothing waits for this loop)
        with pytest.raises(ToolchainMissingError, match="a /tmp of their own"):
            await find_toolchains(runtime(commands=[tool(Path(made) / "bell")]))


async def test_what_programs_could_not_read_is_refused(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700 if os.geteuid() == 0 else 0)
    tool(place / "bell")
    with pytest.raises(ToolchainMissingError, match=r"chmod -R o\+rX"):
        await find_toolchains(runtime(readonly=[str(closed)]))
