"""Pipe ends without buffers of their own: what is not read stays in the kernel, as back-pressure."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

_READ_BYTES = 128 * 1024


class PipeReader:
    """The reading end of a pipe, for one task at a time."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd

    async def read(self) -> bytes:
        """The next bytes, or ``b""`` at the end or after ``close``."""
        while self._fd >= 0:
            try:
                data = os.read(self._fd, _READ_BYTES)
                await asyncio.sleep(0)  # one endless writer must not keep the others waiting
                return data
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _ready(loop.add_reader, loop.remove_reader, self._fd)
        return b""

    def close(self) -> None:
        """Close the end; idempotent. Not while a task reads."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class PipeWriter:
    """The writing end of a pipe, for one task at a time."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd

    async def write(self, data: bytes) -> None:
        """Write all of ``data``.

        Raises:
            BrokenPipeError: nobody reads any more, or the end is closed.
        """
        left = memoryview(data)
        while left:
            if self._fd < 0:
                raise BrokenPipeError
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _ready(loop.add_writer, loop.remove_writer, self._fd)

    def close(self) -> None:
        """Close the end; idempotent. Not while a task writes."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


async def _ready(add: Callable[..., Any], remove: Callable[[int], bool], fd: int) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(fd, _resolve, future)
    try:
        await future
    finally:
        remove(fd)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
