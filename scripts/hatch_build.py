"""Build hook: the wheel carries the built page and the programs that go into cells, so it is made for one platform."""

import platform
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Refuses to build a wheel without them; an editable install needs neither."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check what must be in the wheel and name its platform."""
        if version == "editable":
            return
        package = Path(self.root) / "src" / "cloche"
        page = package / "stack" / "web_dist" / "index.html"
        built = [f"{folder}/bin/cell-{folder}-{platform.machine()}" for folder in ("launcher", "probe")]
        for needed in (page, *(package / "executor" / path for path in built)):
            if not needed.exists():
                raise RuntimeError(f"{needed.relative_to(self.root)} is not built: run `make setup` first")
        build_data["force_include"]["runtimes"] = "cloche/executor/runtimes"
        build_data["force_include"]["images"] = "cloche/stack/images"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_28_{platform.machine()}"
