"""Build runtime images as ``cloche images build`` does, with the cache in this checkout.

build_images.py [NAME ...]     all names by default
"""

import sys
from pathlib import Path

from cloche.executor.launcher.binary import find_launcher
from cloche.stack.image_builds import build_images, image_names, images_folder
from cloche.stack.spawn import StackError

CACHE = Path(__file__).resolve().parent.parent / ".cache/images"


def main(names: list[str]) -> int:
    """Build the images named on the command line."""
    folder = images_folder()
    try:
        for image, changed in build_images(names or image_names(folder), folder, find_launcher(), CACHE):
            print(f"{image.reference}: {'built' if changed else 'unchanged'}", flush=True)
    except StackError as error:
        print(f"build_images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
