"""``python -m cloche.storage``: run the Storage Worker."""

import uvloop

from cloche.kit.logs import configure_logs
from cloche.kit.serve import harden_process
from cloche.kit.tracing import close_traces, configure_traces
from cloche.storage.app import run
from cloche.storage.settings import StorageSettings


def main() -> None:
    """Run until SIGTERM."""
    harden_process()
    settings = StorageSettings.load()
    configure_logs("storage", settings.log_level)
    configure_traces("storage")
    uvloop.run(run(settings))
    close_traces()


if __name__ == "__main__":
    main()
