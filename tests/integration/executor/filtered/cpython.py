"""What CPython does that comes near the filter's edges."""

import asyncio
import ctypes
import mmap
import multiprocessing
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor


def square(number):
    return number * number


async def child_processes():
    made = [await asyncio.create_subprocess_exec("/bin/echo", str(i), stdout=subprocess.PIPE) for i in range(3)]
    return [(await one.communicate())[0] for one in made]


def main():
    for context in (multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")):
        receiving, sending = context.Pipe()
        child = context.Process(target=sending.send, args=("glass",))
        child.start()
        assert receiving.recv() == "glass"
        child.join()
    assert asyncio.run(child_processes()) == [b"0\n", b"1\n", b"2\n"]
    assert subprocess.run(["/bin/sh", "-c", "echo one | cat"], capture_output=True, check=True).stdout == b"one\n"
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(square, range(5))) == 30
    with tempfile.NamedTemporaryFile(suffix=".db") as file, sqlite3.connect(file.name) as database:
        database.execute("pragma journal_mode = wal")
        database.execute("create table bell (size)")
        database.execute("insert into bell values (42)")
        database.commit()
        assert database.execute("select size from bell").fetchone() == (42,)
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    ctypes.CDLL(None).qsort(numbers, 3, 4, compare(lambda a, b: a[0] - b[0]))
    assert list(numbers) == [1, 2, 3]
    left, right = socket.socketpair()
    left.sendall(b"x")
    assert right.recv(1) == b"x"
    mmap.mmap(-1, 4096).close()
    os.close(os.memfd_create("bell"))
    os.mkfifo("pipe")
    os.nice(1)
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))
    signal.setitimer(signal.ITIMER_REAL, 5)
    threading.Thread(target=print, args=("done",)).start()


if __name__ == "__main__":
    main()
    sys.exit()
