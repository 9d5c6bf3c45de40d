"""What ``cloche doctor`` says of Engines that there are none of here: old, new, full, without images."""

from dataclasses import replace
from pathlib import Path

import pytest

from cloche.stack.docker_findings import EngineFacts, docker_findings, engine_findings

SOCKET = Path("/run/docker.sock")
GOOD = EngineFacts(
    version={"Version": "29.0.4", "MinAPIVersion": "1.44", "ApiVersion": "1.52"},
    info={"DockerRootDir": "/var/lib/docker", "Runtimes": {"runc": {}, "runsc": {}}},
    images=[{"RepoTags": ["cloche/python:latest"]}, {"RepoTags": ["cloche/c:latest"]}, {"RepoTags": None}],
    free_bytes=1 << 40,
)


def told(facts: EngineFacts) -> dict[str, tuple[str, str, str]]:
    return {f.name: (f.grade, f.detail, f.remedy) for f in engine_findings(facts, SOCKET)}


def test_good_engine_is_told_with_all_that_can_be_used_of_it() -> None:
    found = told(GOOD)
    assert {grade for grade, _, _ in found.values()} == {"ok"}
    assert "29.0.4 at /run/docker.sock, spoken to in API 1.44" in found["engine"][1]
    assert found["images"][1] == "c, python"


@pytest.mark.parametrize(("least", "most"), [("1.12", "1.40"), ("1.60", "1.70")])
def test_engine_of_another_age_is_told_in_a_sentence_and_nothing_else_is(least: str, most: str) -> None:
    found = told(replace(GOOD, version={"Version": "19.03", "MinAPIVersion": least, "ApiVersion": most}))
    assert list(found) == ["engine"]
    grade, detail, remedy = found["engine"]
    assert grade == "limited"
    assert f"speaks API {least} to {most}, not 1.41 or 1.44" in detail
    assert "Docker 20.10 or newer" in remedy


@pytest.mark.parametrize(
    ("facts", "name", "word", "remedy"),
    [
        (replace(GOOD, free_bytes=5 << 20), "disk", "disk is full: 5 MiB free for /var/lib/docker", "prune"),
        (replace(GOOD, images=[]), "images", "none of Cloche's images", "cloche images build"),
        (replace(GOOD, info={}), "gvisor", "no OCI runtime runsc", "CLOCHE_DOCKERPROXY_RUNTIME"),
    ],
)
def test_what_an_engine_lacks_is_told_with_its_remedy(facts: EngineFacts, name: str, word: str, remedy: str) -> None:
    found = told(facts)
    assert found[name][0] == "limited"
    assert word in found[name][1]
    assert remedy in found[name][2]
    assert [other for other, (grade, _, _) in found.items() if grade != "ok"] == [name]


def test_no_engine_is_told_with_how_to_get_one(tmp_path: Path) -> None:
    (finding,) = docker_findings(tmp_path / "none.sock")
    assert (finding.grade, finding.name) == ("limited", "engine")
    assert "No such file" in finding.detail
    assert "docker.io" in finding.remedy
