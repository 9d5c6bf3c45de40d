"""The services as children: each with its own identity, settings file, listeners and view of the files."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloche.stack.cgroups import DelegatedCgroups
from cloche.stack.children import ChildPlan
from cloche.stack.options import Layout, StackOptions
from cloche.stack.parts import Part
from cloche.stack.prepare import service_identity, write_secrets
from cloche.stack.readiness import check_ready
from cloche.stack.service_settings import ServiceSettingsSource
from cloche.stack.sockets import Sockets
from cloche.stack.spawn import ChildCommand, Identity
from cloche.stack.visible import find_runtimes, needed_directories, python_paths, web_dist

_DOCKER_SOCKET: Final = "/var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class ServiceFactory:
    """Makes the plan of each service. Writing its settings file happens before each of its starts."""

    layout: Layout
    options: StackOptions
    sockets: Sockets
    source: ServiceSettingsSource
    cgroups: DelegatedCgroups

    def plan(self, part: Part) -> ChildPlan:
        """How ``part`` lives as a child."""
        identity = service_identity(part, self.options, docker_socket(os.environ))
        settings = self.source.settings_of(part.name)
        command = self._command(part, identity)
        address = self.options.url if part.health == "tcp" else f"unix:{self.sockets.path(part.health)}"

        def prepare() -> None:
            write_secrets(self.layout, part, settings, identity)

        return ChildPlan(
            name=part.name,
            command=lambda: command,
            ready=lambda: check_ready(address),
            log_file=self.layout.log_of(part.name),
            prepare=prepare,
            stop_timeout_s=part.stop_timeout_s,
        )

    def _command(self, part: Part, identity: Identity | None) -> ChildCommand:
        exposed = [*python_paths(), self.layout.run, self.layout.secrets / f"{part.name}.json"]
        environment = {**_tracing(os.environ), **_overrides(part, os.environ)}
        if part.name == "web" and (dist := web_dist()) is not None:
            exposed.append(dist)
        if part.name == "executor" and identity is not None:
            runtimes = find_runtimes(self.layout.runtimes)
            exposed += [self.layout.runtimes, *needed_directories(runtimes)]
            # Real tools that only a shim led to come first on PATH: the shims stay behind in the hidden home.
            known = os.environ.get("PATH", os.defpath).split(os.pathsep)
            places = dict.fromkeys(str(Path(tool.tool).parent) for found in runtimes for tool in found.toolchains)
            environment["PATH"] = os.pathsep.join([*(place for place in places if place not in known), *known])
        for setting, socket in part.listens.items():
            environment[f"{part.prefix}{setting.upper()}"] = f"fd:{self.sockets.descriptor(socket)}"
        environment[f"{part.prefix}SECRETS_FILE"] = str(self.layout.secrets / f"{part.name}.json")
        return ChildCommand(
            argv=[sys.executable, "-m", part.module],
            identity=identity,
            death_signal=signal.SIGKILL,
            exposed=[(path, False) for path in dict.fromkeys(exposed)],
            descriptors=[self.sockets.descriptor(socket) for socket in part.listens.values()],
            environment={"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **environment},
            cgroup=self.cgroups.entry if part.name == "executor" else None,
        )


def docker_socket(environ: Mapping[str, str]) -> Path:
    """The Docker Engine's socket, as the proxy will be told."""
    return Path(environ.get("CLOCHE_DOCKERPROXY_DOCKER_SOCKET", _DOCKER_SOCKET))


def _tracing(environ: Mapping[str, str]) -> dict[str, str]:
    """What OpenTelemetry reads. One name for all services would say nothing: each has its own."""
    return {k: v for k, v in environ.items() if k.startswith("OTEL_") and k != "OTEL_SERVICE_NAME"}


def _overrides(part: Part, environ: Mapping[str, str]) -> dict[str, str]:
    """What the operator set for this service, such as CLOCHE_EXECUTOR_SLOTS; our own settings file wins."""
    return {name: value for name, value in environ.items() if name.startswith(part.prefix)}
