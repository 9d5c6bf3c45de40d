"""A verdict's evidence as one line."""

import pytest

from cloche.cli.evidence import evidence_line
from cloche.contracts.record import Evidence

MEMORY = Evidence(
    source="limit",
    limit="memory_bytes",
    limit_value=268435456,
    measured=268431360,
    killed_by="kernel",
    killed_after_ms=1000.2,
    oom_kills=1,
)


@pytest.mark.parametrize(
    ("evidence", "line"),
    [
        (None, ""),
        (MEMORY, "limit memory_bytes 268435456, measured 268431360, killed by kernel, after 1.00 s, 1 OOM kill"),
        (Evidence(source="limit", limit="wall_time_s", limit_value=0.5, killed_by="cloche"),
         "limit wall_time_s 0.5, killed by cloche"),
        (Evidence(source="signal", killed_by="kernel", detail="SIGSEGV"), "signal, killed by kernel, SIGSEGV"),
        (Evidence(source="platform", detail="cell_lost"), "platform, cell_lost"),
        (Evidence(source="exit"), "exit"),
    ],
)  # fmt: skip
def test_evidence_is_one_line_of_facts(evidence: Evidence | None, line: str):
    assert evidence_line(evidence) == line
