"""Write docs/reference/settings.md from the settings classes; ``--check`` says whether it is up to date."""

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from cloche.api.settings import ApiSettings
from cloche.dockerproxy.settings import ProxySettings
from cloche.executor.settings import ExecutorSettings
from cloche.kit.settings import ServiceSettings
from cloche.queue.settings import QueueSettings
from cloche.storage.settings import StorageSettings
from cloche.worker.settings import WorkerSettings

TARGET = Path(__file__).parent.parent / "docs" / "reference" / "settings.md"
SERVICES: dict[str, type[ServiceSettings]] = {
    "API Service (and the web process)": ApiSettings,
    "Queue Service": QueueSettings,
    "Queue Worker": WorkerSettings,
    "Executor Service": ExecutorSettings,
    "Storage Worker": StorageSettings,
    "Docker Socket Proxy": ProxySettings,
}
HEAD = """# Settings

Each service reads `CLOCHE_<SERVICE>_<NAME>` from its environment, and a JSON object of the same names
(in lower case) from the file that `CLOCHE_<SERVICE>_SECRETS_FILE` names, which wins. An unknown name
under the prefix stops the service at its start. `cloche up` sets all of them by itself.
Written by `scripts/settings_tables.py`.
"""


def main() -> None:
    """Write or check."""
    text = HEAD + "".join(_table(title, cls) for title, cls in SERVICES.items())
    if "--check" not in sys.argv:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        sys.exit("docs/reference/settings.md is out of date; run scripts/settings_tables.py")


def _table(title: str, cls: type[ServiceSettings]) -> str:
    rows = [
        f"| `{cls.prefix}{name.upper()}` | {_default(field)} | {_bounds(field)} | {field.description or ''} |"
        for name, field in cls.model_fields.items()
    ]
    head = f"\n## {title}\n\n| setting | default | bounds | meaning |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return (
            "by machine" if "hostname" in repr(field.default_factory) or "lambda" in repr(field.default_factory) else ""
        )
    value: Any = field.default
    if isinstance(value, SecretStr) or value in (None, "", ()):
        return ""
    if hasattr(value, "model_dump"):
        return "see `contracts/limits.py`"
    return f"`{value}`"


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "max_length": "length ≤", "min_length": "length ≥"}
    found = [f"{sign} {getattr(m, name)}" for m in field.metadata for name, sign in signs.items() if hasattr(m, name)]
    return ", ".join(found)


if __name__ == "__main__":
    main()
