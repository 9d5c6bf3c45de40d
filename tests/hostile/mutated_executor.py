"""``mutated_executor.py DEFENCE,… LAUNCHER``: an Executor Service in which defences are off."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import mutations

from cloche.executor.__main__ import main

mutations.switch_off(sys.argv[1].split(","), Path(sys.argv[2]))
sys.exit(main())
