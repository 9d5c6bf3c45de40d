"""``python -m cloche.dockerproxy``: settings from ``CLOCHE_DOCKERPROXY_*``, then serve until SIGTERM.

``python -m cloche.dockerproxy explain`` prints the policy instead.
"""

import sys

import uvloop

from cloche.dockerproxy.app import run
from cloche.dockerproxy.explain import explanation
from cloche.dockerproxy.settings import ProxySettings
from cloche.kit.errors import ClocheError
from cloche.kit.listen import ListenError
from cloche.kit.logs import configure_logs
from cloche.kit.serve import harden_process
from cloche.kit.settings import SettingsError


def main() -> int:
    """Run the service; a sentence on stderr and 1 when it can't start."""
    if sys.argv[1:] == ["explain"]:
        print(explanation())  # noqa: T201  (what was asked for)
        return 0
    harden_process()
    try:
        settings = ProxySettings.load()
        configure_logs("dockerproxy", settings.log_level)
        uvloop.run(run(settings))
    except (SettingsError, ListenError, ClocheError) as error:
        print(f"cloche.dockerproxy: {error}", file=sys.stderr)  # noqa: T201  (the reason must be seen without a log reader)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
