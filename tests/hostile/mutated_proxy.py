"""``mutated_proxy.py off|alone DEFENCE``: a Docker Socket Proxy without a defence, or with it and not what hides it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import container_mutations

from cloche.dockerproxy.__main__ import main

mode, defence = sys.argv[1:]
del sys.argv[1:]
container_mutations.switch_off(defence, alone=mode == "alone")
sys.exit(main())
