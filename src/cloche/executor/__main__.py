"""``python -m cloche.executor``: the Executor Service."""

import sys

import uvloop

from cloche.executor.app import ExecutorApp
from cloche.executor.engines.engine import EngineUnusableError
from cloche.executor.runtimes import RuntimeFileError
from cloche.executor.settings import ExecutorSettings
from cloche.kit.listen import ListenError, open_listener
from cloche.kit.logs import configure_logs
from cloche.kit.serve import harden_process, serve
from cloche.kit.settings import SettingsError
from cloche.kit.tracing import close_traces, configure_traces


def main() -> int:
    """Run until SIGTERM; 2 for settings that can't be used, 3 where cells can't be made."""
    harden_process()
    try:
        settings = ExecutorSettings.load()
        listener = open_listener(settings.listen)
    except (SettingsError, ListenError) as error:
        sys.stderr.write(f"cloche.executor: {error}\n")
        return 2
    configure_logs("executor", settings.log_level)
    configure_traces("executor")

    async def run() -> None:
        async with ExecutorApp(settings) as app:
            await serve([(app.asgi, listener)], on_stop=app.drain)

    try:
        uvloop.run(run())
        close_traces()
    except (EngineUnusableError, RuntimeFileError) as error:
        sys.stderr.write(f"cloche.executor: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
