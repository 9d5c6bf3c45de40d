"""Write the OpenAPI documents: the public ones, from which the frontend's types are generated, and the internal one."""

import json
import sys
from pathlib import Path
from typing import Any

from cloche.api.app import create_app
from cloche.api.settings import ApiSettings
from cloche.queue.app import public_app
from cloche.queue.internal_document import internal_document
from cloche.queue.internal_routes import internal_router
from cloche.queue.metrics import Meters
from cloche.queue.settings import QueueSettings

ROOT = Path(__file__).parent.parent
_NOTHING = {"dsn": "postgresql://", "redis_url": "redis://", "queue": "unix:/", "queue_token": "-"}


def main() -> None:
    """Write the files; with ``--check`` only say whether they are up to date."""
    stale = [path for path, document in _documents().items() if not _settle(ROOT / path, document)]
    if stale:
        sys.exit(f"OpenAPI drift: {', '.join(stale)}; run scripts/export_openapi.py and npm run generate-api")


def _documents() -> dict[str, dict[str, Any]]:
    queue = QueueSettings.model_validate({"dsn": "-", "redis_url": "-", "tokens": {}})
    unused: Any = None
    return {
        "frontend/openapi/api.json": create_app(ApiSettings.model_validate(_NOTHING)).openapi(),
        "frontend/openapi/queue.json": public_app(queue, unused, Meters(), unused, unused).openapi(),
        "docs/reference/queue-internal.openapi.json": internal_document(internal_router(unused, {})),
    }


def _settle(path: Path, document: dict[str, Any]) -> bool:
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv:
        return path.exists() and path.read_text() == text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


if __name__ == "__main__":
    main()
