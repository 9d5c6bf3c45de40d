"""The folders of a data directory, and whether its disk has room to begin with."""

import shutil
from typing import Final

from cloche.stack.accounts import is_root
from cloche.stack.options import Layout
from cloche.stack.private_files import make_folder
from cloche.stack.spawn import StackError

MIN_FREE_BYTES: Final = 96 * 1024 * 1024


def make_layout(layout: Layout) -> None:
    """Make the folders that only we use, and those that services pass through. Idempotent.

    Raises:
        StackError: they can't be made, or the disk has no room to begin with.
    """
    passable = 0o711 if is_root() else 0o700
    try:
        layout.root.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"Can't make {layout.root.parent}: {error.strerror}. Choose another --data-dir.") from error
    make_folder(layout.root, mode=passable)
    check_room(layout)
    make_folder(layout.run, mode=passable)
    make_folder(layout.secrets, mode=passable)
    make_folder(layout.log)
    make_folder(layout.runtimes, mode=0o755 if is_root() else 0o700)


def check_room(layout: Layout) -> None:
    """Refuse to begin on a full disk.

    Raises:
        StackError: less than ``MIN_FREE_BYTES`` is free.
    """
    free = shutil.disk_usage(layout.root).free
    if free < MIN_FREE_BYTES:
        raise StackError(
            f"The disk of {layout.root} is full: {free // 2**20} MiB are free and Cloche needs "
            f"{MIN_FREE_BYTES // 2**20} MiB to start. Nothing was changed; free some space and try again."
        )
