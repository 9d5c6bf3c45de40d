"""Processes that share memory and locks: POSIX ones, in /dev/shm."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory


def square(number):
    return number * number


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, range(5))) == [0, 1, 4, 9, 16]
    with multiprocessing.Pool(2) as pool:
        assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
    queue = multiprocessing.Queue()
    child = multiprocessing.Process(target=queue.put, args=("glass",))
    child.start()
    assert queue.get() == "glass"
    child.join()
    segment = shared_memory.SharedMemory(create=True, size=4096)
    segment.close()
    segment.unlink()
    with multiprocessing.Lock(), multiprocessing.Semaphore(2), multiprocessing.Condition():
        sys.stdout.write("done\n")
