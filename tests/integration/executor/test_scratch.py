"""Directories of process cells: a living executor's are its own, whoever else starts."""

import os

from cloche.executor.engines.local.scratch import make_root, remove_roots_of_the_dead


def test_only_the_directories_of_the_dead_are_removed() -> None:
    """Also where numbers of processes say nothing: another executor may live in a PID namespace of its own."""
    root, lock = make_root()
    nobody = root.rename(root.with_name(f"cloche-cells-{2**22 - 1}-{os.urandom(4).hex()}"))
    remove_roots_of_the_dead()
    assert nobody.exists()
    os.close(lock)
    remove_roots_of_the_dead()
    assert not nobody.exists()
