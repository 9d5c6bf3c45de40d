"""``python -m cloche.api``: serve the API Service."""

import uvloop

from cloche.api.app import create_app
from cloche.api.settings import ApiSettings
from cloche.kit.listen import open_listener
from cloche.kit.logs import configure_logs
from cloche.kit.serve import harden_process, serve
from cloche.kit.tracing import close_traces, configure_traces


def main() -> None:
    """Run until SIGTERM."""
    harden_process()
    settings = ApiSettings.load()
    configure_logs("api", settings.log_level)
    configure_traces("api")
    uvloop.run(serve([(create_app(settings), open_listener(settings.listen))], for_people=True))
    close_traces()


if __name__ == "__main__":
    main()
