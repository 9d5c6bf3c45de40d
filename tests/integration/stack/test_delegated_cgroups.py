"""The executor's part of the cgroup tree, on whichever version this machine has: `make test-cgroup2` has the other."""

import os
from pathlib import Path

import pytest

from cloche.executor.engines.local.cgroups.group import CellGroup
from cloche.executor.engines.local.cgroups.roots import find_roots
from cloche.stack.cgroups import DelegatedCgroups
from cloche.stack.spawn import Identity


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give it to another")
def test_part_of_the_tree_belongs_to_its_user_limits_cells_and_goes(tmp_path: Path) -> None:
    if find_roots().memory is None:
        pytest.skip("no cgroups here")
    delegated = DelegatedCgroups(tmp_path)
    try:
        delegated.create(Identity(65534, 65534))
        delegated.create(Identity(65534, 65534))
        folders = [Path(path) for path in delegated.roots.values()]
        assert {folder.stat().st_uid for folder in folders} == {65534}
        assert {(folder / "cgroup.procs").stat().st_uid for folder in folders} == {65534}
        found = find_roots(tuple(delegated.roots.values()))
        assert (found.lacking, sorted(found.directories())) == ((), sorted(folders))
        group = CellGroup(found, "test")
        for path in group.directories:
            Path(path).mkdir()
        group.confine(memory_bytes=1 << 25, processes=4)
        assert group.remove()
    finally:
        delegated.remove()
    assert not [folder for folder in folders if folder.exists()]
