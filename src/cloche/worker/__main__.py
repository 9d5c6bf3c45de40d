"""``python -m cloche.worker``: run the Queue Worker."""

import uvloop

from cloche.kit.logs import configure_logs
from cloche.kit.serve import harden_process
from cloche.kit.tracing import close_traces, configure_traces
from cloche.worker.app import run
from cloche.worker.settings import WorkerSettings


def main() -> None:
    """Run until SIGTERM."""
    harden_process()
    settings = WorkerSettings.load()
    configure_logs("worker", settings.log_level)
    configure_traces("worker")
    uvloop.run(run(settings))
    close_traces()


if __name__ == "__main__":
    main()
