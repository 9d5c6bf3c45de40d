"""A running stack for the peers' own clients: the fixtures of ``tests/e2e``, and keys of several tenants."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import Stack, _no_defect_is_logged, api, running_stack, stack

__all__ = ["_no_defect_is_logged", "api", "stack"]

#: Whose self-tests the tests wait for: executors announce each when it has passed.
RUNTIMES = {"python", "javascript", "bash", "c", "cpp"}

MakeKey = Callable[..., str]

#: The web page that the keyed stack lets in.
LISTED_ORIGIN = "https://ide.example"


@pytest.fixture(scope="session")
def keyed() -> Iterator[Stack]:
    """A stack that asks for keys, and whose doors one web page may use."""
    with running_stack("--require-keys", CLOCHE_API_DOOR_ORIGINS=json.dumps([LISTED_ORIGIN])) as running:
        yield running


@pytest.fixture(scope="session")
def make_key(keyed: Stack) -> MakeKey:
    """A new key: tenant, then its scopes."""

    def make(tenant: str, *scopes: str) -> str:
        options = [word for scope in scopes for word in ("--scope", scope)]
        command = [sys.executable, "-m", "cloche.cli.main", "keys", "create", "--tenant", tenant, *options, "--json"]
        done = subprocess.run(command, env=keyed.environment, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)["key"]

    return make


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any]], Any]:
    """Ask until there is something, for as long as a slow machine may need."""

    def wait(ask: Callable[[], Any]) -> Any:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = ask()
            if found:
                return found
            time.sleep(0.1)
        raise TimeoutError("It did not come.")

    return wait


@pytest.fixture(autouse=True)
def _runtimes_are_announced(api: httpx.Client, wait_for: Callable[[Callable[[], Any]], Any]) -> None:
    def announced() -> bool:
        listed = api.get("/api/v1/runtimes").json()["runtimes"]
        return {runtime["name"] for runtime in listed} >= RUNTIMES

    wait_for(announced)
