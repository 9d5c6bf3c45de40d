"""Judge0's ``additional_files``: a zip that must not climb out of its folder nor grow beyond all bounds. Pure."""

import base64
import io
import stat
import zipfile
import zlib
from collections.abc import Iterable
from typing import Final

from cloche.api.checks import path_problem
from cloche.contracts.submission import File

#: Others can't be read in bounded pieces.
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_ENCRYPTED: Final = 0x1


class ArchiveError(Exception):
    """It can't be used, and why."""


def unpacked(archive: bytes, *, most_files: int, most_bytes: int) -> list[File]:
    """Its files, in its order; folders come with them.

    Raises:
        ArchiveError: it is no zip, is too large unpacked, or holds what is no plain file below its folder.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            infos = [info for info in opened.infolist() if not info.is_dir()]
            if len(infos) > most_files:
                raise ArchiveError(f"has more than {most_files} files")
            left, files = most_bytes, list[File]()
            for info in infos:
                data = _content(opened, info, left)
                left -= len(data)
                files.append(File(path=info.filename, content=base64.b64encode(data).decode(), encoding="base64"))
            return files
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ArchiveError("is not a zip archive that can be read") from error


def packed(files: Iterable[File]) -> bytes:
    """A zip of these; the same for the same files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            data = base64.b64decode(file.content) if file.encoding == "base64" else file.content.encode()
            archive.writestr(zipfile.ZipInfo(file.path, _MOMENT), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _content(opened: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    problem = path_problem(info.filename)
    if problem:
        raise ArchiveError(f"a path in it {problem}")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        raise ArchiveError("holds something that is no plain file")
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise ArchiveError("is encrypted, or packed by a method other than deflate")
    with opened.open(info) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ArchiveError("is larger unpacked than a program may be")
    return data
