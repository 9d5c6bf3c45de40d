"""Write the OpenAPI documents from which the frontend's types are generated."""

import json
import sys
from pathlib import Path
from typing import Any

from cloche.api.app import create_app
from cloche.api.settings import ApiSettings
from cloche.queue.app import public_app
from cloche.queue.metrics import Meters
from cloche.queue.settings import QueueSettings

TARGET = Path(__file__).parent.parent / "frontend" / "openapi"
_NOTHING = {"dsn": "postgresql://", "redis_url": "redis://", "queue": "unix:/", "queue_token": "-"}


def main() -> None:
    """Write ``frontend/openapi/*.json``; with ``--check`` only say whether they are up to date."""
    stale = [name for name, document in _documents().items() if not _settle(name, document)]
    if stale:
        sys.exit(f"OpenAPI drift: {', '.join(stale)}; run scripts/export_openapi.py and npm run generate-api")


def _documents() -> dict[str, dict[str, Any]]:
    queue = QueueSettings.model_validate({"dsn": "-", "redis_url": "-", "tokens": {}})
    view: Any = None
    return {
        "api": create_app(ApiSettings.model_validate(_NOTHING)).openapi(),
        "queue": public_app(queue, view, Meters(), view, view).openapi(),
    }


def _settle(name: str, document: dict[str, Any]) -> bool:
    path = TARGET / f"{name}.json"
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv:
        return path.exists() and path.read_text() == text
    TARGET.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


if __name__ == "__main__":
    main()
