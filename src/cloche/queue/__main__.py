"""``python -m cloche.queue``: the Queue Service."""

import sys

import uvloop

from cloche.kit.listen import ListenError
from cloche.kit.logs import configure_logs
from cloche.kit.serve import harden_process
from cloche.kit.settings import SettingsError
from cloche.kit.tracing import close_traces, configure_traces
from cloche.queue.app import run
from cloche.queue.settings import QueueSettings


def main() -> int:
    """Run until SIGTERM; 2 when the settings are not usable."""
    harden_process()
    try:
        settings = QueueSettings.load()
        configure_logs("queue", settings.log_level)
        configure_traces("queue")
        uvloop.run(run(settings))
        close_traces()
    except (SettingsError, ListenError) as error:
        sys.stderr.write(f"cloche.queue: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
