"""``cloche doctor`` tells people and programs what this machine can do."""

import json

import pytest

from .conftest import cloche, stack_in, start


def test_doctor_names_servers_runtimes_and_what_is_missing(passable) -> None:
    done = cloche("doctor", "--json", "--data-dir", str(passable / "d"))
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["fit"] else 1)
    by_name = {(entry["area"], entry["name"]): entry for entry in found["findings"]}
    assert by_name["servers", "postgresql"]["grade"] == "ok"
    assert by_name["servers", "valkey"]["grade"] == "ok"
    assert ("runtimes", "python") in by_name
    assert {area for area, _ in by_name} >= {"isolation", "servers", "services", "runtimes", "docker", "page", "data"}
    assert all(entry["remedy"] for entry in found["findings"] if entry["grade"] != "ok")
    assert not (passable / "d").exists()


@pytest.mark.docker
def test_doctor_names_the_engine_it_is_told_of_and_its_images(passable, docker_socket) -> None:
    environment = {"CLOCHE_DOCKERPROXY_DOCKER_SOCKET": docker_socket}
    done = cloche("doctor", "--json", "--data-dir", str(passable / "d"), environment=environment)
    found = {f["name"]: f for f in json.loads(done.stdout)["findings"] if f["area"] == "docker"}
    assert found["engine"]["grade"] == found["disk"]["grade"] == found["images"]["grade"] == "ok"
    assert docker_socket in found["engine"]["detail"]
    assert {"bash", "python"} <= set(found["images"]["detail"].split(", "))


def test_doctor_says_when_a_server_is_missing(passable) -> None:
    environment = {"CLOCHE_PG_BIN": str(passable)}
    done = cloche("doctor", "--data-dir", str(passable / "d"), environment=environment)
    assert done.returncode == 1
    assert "CLOCHE_PG_BIN" in done.stdout
    assert "can't work here yet" in done.stdout


def test_doctor_shows_the_running_executors_self_test(passable) -> None:
    with stack_in(passable, ("executor",)) as options:
        start(options)
        done = cloche("doctor", "--json", "--data-dir", str(options.data_dir))
    found = [entry for entry in json.loads(done.stdout)["findings"] if entry["area"] == "executor"]
    assert [entry["grade"] for entry in found] == ["ok"]
    assert "hostile programs were held" in found[0]["detail"]
