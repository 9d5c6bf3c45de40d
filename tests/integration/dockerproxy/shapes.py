"""All that the Engine may ever be told, written down apart from the proxy's own tables."""

import json
import re
from pathlib import Path
from typing import Any

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "unit/dockerproxy/create_body.json").read_text(encoding="utf-8")
)
INSTANCE = "shapes"
IMAGES = {"bash": f"sha256:{'a' * 64}"}
MOST = {
    "memory_bytes": (6 << 20, 4 << 30),
    "cpus_milli": (10, 4000),
    "processes": (1, 1100),
    "disk_bytes": (4096, 1 << 30),
    "inodes": (16, 1 << 20),
}

_CLOSE = r" HTTP/1\.1\r\nHost: cloche\r\nConnection: close\r\n\r\n"
_RAW = r" HTTP/1\.1\r\nHost: cloche\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
_ID = r"(?P<id>[0-9a-f]{64})"
_FILTER = rf"%7B%22label%22%3A%20%5B%22cloche\.proxy%3D{INSTANCE}%22%5D%7D"
WITHOUT_BODY = [
    re.compile(shape.encode())
    for shape in (
        rf"GET /version{_CLOSE}",
        rf"GET /v1\.41/containers/json\?all=1&filters={_FILTER}{_CLOSE}",
        rf"GET /v1\.41/containers/{_ID}/json{_CLOSE}",
        rf"POST /v1\.41/containers/{_ID}/start{_CLOSE}",
        rf"POST /v1\.41/containers/{_ID}/wait\?condition=next-exit{_CLOSE}",
        rf"DELETE /v1\.41/containers/{_ID}\?force=1&v=1{_CLOSE}",
        rf"POST /v1\.41/containers/{_ID}/attach\?stream=1&stdin=1&stdout=1&stderr=1{_RAW}",
    )
]
CREATE = re.compile(
    rf"POST /v1\.41/containers/create\?name={INSTANCE}-[0-9a-f]{{32}} HTTP/1\.1\r\nHost: cloche\r\n"
    rf"Connection: close\r\nContent-Type: application/json\r\nContent-Length: (?P<length>[0-9]+)\r\n\r\n".encode()
)


def is_one(told: bytes, own: set[str]) -> bool:
    """Whether ``told`` is one of the eight shapes, on a container in ``own`` if on any."""
    for shape in WITHOUT_BODY:
        if found := shape.fullmatch(told):
            return "id" not in shape.groupindex or found["id"].decode() in own
    found = CREATE.match(told)
    if found is None or len(told) - found.end() != int(found["length"]):
        return False
    return _is_container(json.loads(told[found.end() :]))


def _is_container(body: dict[str, Any]) -> bool:
    """The golden body but for the image, the user, and what an order says."""
    host = body["HostConfig"]
    said = {
        "memory_bytes": host["Memory"],
        "cpus_milli": host["NanoCpus"] // 1_000_000,
        "processes": host["PidsLimit"] - 1,
    }
    uid, options = int(body["User"].partition(":")[0]), host["Tmpfs"]["/work"]
    found = re.fullmatch(rf"rw,exec,nosuid,nodev,size=(\d+),nr_inodes=(\d+),mode=0700,uid={uid},gid={uid}", options)
    if found is None or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", body["Labels"]["cloche.cell"]):
        return False
    said |= {"disk_bytes": int(found[1]), "inodes": int(found[2])}
    wanted = json.loads(json.dumps(GOLDEN))
    wanted |= {"Image": IMAGES["bash"], "User": f"{uid}:{uid}"}
    wanted["Labels"] = {
        "cloche.proxy": INSTANCE,
        "cloche.cell": body["Labels"]["cloche.cell"],
        "cloche.uid": str(uid),
        "cloche.memory": str(said["memory_bytes"]),
        "cloche.cpus": str(said["cpus_milli"]),
    }
    wanted["HostConfig"] |= {
        "Memory": said["memory_bytes"],
        "MemorySwap": said["memory_bytes"],
        "NanoCpus": said["cpus_milli"] * 1_000_000,
        "PidsLimit": said["processes"] + 1,
        "Tmpfs": {
            "/work": options,
            "/tmp": options,
            "/dev/shm": f"rw,noexec,nosuid,nodev,size=16777216,nr_inodes={found[2]},mode=1777",
        },
    }
    for limit in wanted["HostConfig"]["Ulimits"]:
        if limit["Name"] == "fsize":
            most = max(said["disk_bytes"], said["memory_bytes"]) + 4096
            limit |= {"Soft": most, "Hard": most}
    wanted["HostConfig"]["SecurityOpt"][1] = host["SecurityOpt"][1]
    profile = json.loads(host["SecurityOpt"][1].removeprefix("seccomp="))
    return (
        body == wanted
        and uid >= 50_000
        and profile["defaultAction"] == "SCMP_ACT_ERRNO"
        and all(least <= said[key] <= most for key, (least, most) in MOST.items())
    )
