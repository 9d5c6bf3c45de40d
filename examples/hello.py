"""Under the glass: prints while it runs, then ends well."""

import os
import platform
import time

print(f"Hello from {platform.python_implementation()} {platform.python_version()}, process {os.getpid()}.")
for step in range(1, 4):
    time.sleep(0.2)
    print(f"step {step} of 3", flush=True)
