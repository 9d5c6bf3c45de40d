"""Files that only one account may read, and folders that only some may enter."""

import os
from pathlib import Path

from cloche.stack.spawn import Identity, StackError


def write_private(path: Path, text: str, owner: Identity | None = None) -> None:
    """Put ``text`` at ``path`` with mode 0600, whole or not at all, owned by ``owner`` or by us.

    Raises:
        StackError: the disk is full, or the folder can't be written.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            if owner is not None:
                os.fchown(file.fileno(), owner.uid, owner.gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StackError(f"Can't write {path}: {error.strerror}.") from error


def make_folder(path: Path, *, mode: int = 0o700, uid: int | None = None, gid: int | None = None) -> Path:
    """``path`` as a folder with exactly this mode and owner; those of its parents stay as they are. Idempotent.

    Raises:
        StackError: it can't be made, or it is something else.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        if uid is not None or gid is not None:
            os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)
        path.chmod(mode)
    except OSError as error:
        raise StackError(f"Can't make the folder {path}: {error.strerror}.") from error
    return path


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
