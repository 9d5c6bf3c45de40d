"""What an order must not say: the Engine's own fields, other numbers, JSON that parsers read differently."""

import json

from attack import ORDER, Attack, Defence, create

#: Of the Engine's create body, in words that flat JSON can hold. Source: moby, api/types/container.
HOST_FIELDS = {
    "Privileged": "true",
    "PidMode": '"host"',
    "IpcMode": '"host"',
    "UTSMode": '"host"',
    "UsernsMode": '"host"',
    "CgroupnsMode": '"host"',
    "NetworkMode": '"host"',
    "CgroupParent": '"system.slice"',
    "Cgroup": '"container:x"',
    "Runtime": '"io.containerd.evil.v1"',
    "VolumeDriver": '"local"',
    "Tmpfs": '{"work":"exec,suid,dev"}',
    "Annotations": '{"run.oci.hooks.stdout":"x"}',
    "Sysctls": '{"kernel.msgmax":"1"}',
    "StorageOpt": '{"size":"1000G"}',
    "LogConfig": '{"Type":"journald"}',
    "RestartPolicy": '{"Name":"always"}',
    "AutoRemove": "true",
    "ReadonlyRootfs": "false",
    "PublishAllPorts": "true",
    "PortBindings": "{}",
    "Init": "true",
    "Isolation": '"process"',
    "Memory": "0",
    "MemorySwap": "-1",
    "MemorySwappiness": "100",
    "KernelMemory": "1",
    "OomKillDisable": "true",
    "OomScoreAdj": "-1000",
    "NanoCpus": "0",
    "CpuQuota": "-1",
    "CpuRealtimeRuntime": "1",
    "CpusetCpus": '"0"',
    "BlkioWeight": "1000",
    "PidsLimit": "-1",
    "ShmSize": "1099511627776",
}
CONFIG_FIELDS = {
    "Image": '"debian"',
    "User": '"0"',
    "Hostname": '"x"',
    "Domainname": '"x"',
    "Tty": "true",
    "StopSignal": '"SIGWINCH"',
    "StopTimeout": "3600",
    "MacAddress": '"02:42:ac:11:00:02"',
    "NetworkDisabled": "false",
    "Labels": '{"cloche.proxy":"another"}',
    "NetworkingConfig": '{"EndpointsConfig":{"bridge":{}}}',
    "ArgsEscaped": "true",
    "name": '"trusted"',
    "platform": '"linux"',
}
#: Those that need brackets or slashes.
LISTS = {
    "Binds": '["/:/host"]',
    "Mounts": '[{"Type":"bind","Source":"/","Target":"/host"}]',
    "Mounts of a volume that is a bind": (
        '[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"bind","device":"/"}}}}]'
    ),
    "Mounts of an image": '[{"Type":"image","Source":"debian","Target":"/x"}]',
    "VolumesFrom": '["foreign"]',
    "Devices": '[{"PathOnHost":"/dev/sda","PathInContainer":"/dev/sda","CgroupPermissions":"rwm"}]',
    "DeviceRequests": '[{"Count":-1,"Capabilities":[["gpu"]]}]',
    "DeviceCgroupRules": '["a *:* rwm"]',
    "CapAdd": '["ALL"]',
    "CapDrop": "[]",
    "SecurityOpt": '["seccomp=unconfined"]',
    "SecurityOpt by the old separator": '["seccomp:unconfined"]',
    "SecurityOpt of AppArmor": '["apparmor=unconfined"]',
    "SecurityOpt of labels": '["label=disable"]',
    "SecurityOpt of privileges": '["no-new-privileges=false"]',
    "SecurityOpt of cgroups": '["writable-cgroups=true"]',
    "MaskedPaths": "[]",
    "ReadonlyPaths": "[]",
    "GroupAdd": '["0"]',
    "Links": '["foreign:x"]',
    "ExtraHosts": '["x:127.0.0.1"]',
    "Dns": '["127.0.0.1"]',
    "Ulimits": '[{"Name":"core","Soft":-1,"Hard":-1}]',
    "LogConfig that connects": '{"Type":"syslog","Config":{"syslog-address":"tcp://127.0.0.1:9"}}',
    "BlkioDeviceWriteBps": '[{"Path":"/dev/sda","Rate":1}]',
}
CONFIG_LISTS = {
    "Cmd": '["sh"]',
    "Cmd as a string": '"sh /x"',
    "Entrypoint": '["/bin/sh"]',
    "Env": '["LD_PRELOAD=/work/x.so"]',
    "WorkingDir": '"/"',
    "Volumes": '{"/data":{}}',
    "ExposedPorts": '{"1/tcp":{}}',
    "Healthcheck": '{"Test":["CMD","sh"]}',
    "Shell": '["sh"]',
    "OnBuild": '["RUN x"]',
}


def order_and(extra: str) -> bytes:
    """An order that is right, and more."""
    return create(f"{json.dumps(ORDER)[:-1]},{extra}}}")


def order_with(**values: object) -> bytes:
    """An order with another value."""
    return create(json.dumps(ORDER | values))


def order_saying(old: str, new: str) -> bytes:
    """An order with other text."""
    text = json.dumps(ORDER)
    assert old in text
    return create(text.replace(old, new))


def _key(name: str) -> str:
    """A list's entry may say more than the field's name."""
    return name.partition(" ")[0]


def _fields() -> list[Attack]:
    found: list[Attack] = []
    for name, value in HOST_FIELDS.items():
        extra = f'"HostConfig":{{"{name}":{value}}}'
        found.append(Attack(f"HostConfig.{name}", "exact-keys", 422, order_and(extra), reaches=name.encode()))
    for name, value in {**CONFIG_FIELDS, **HOST_FIELDS}.items():
        sent = order_and(f'"{name}":{value}')
        found.append(Attack(f"{name} at the top", "exact-keys", 422, sent, reaches=name.encode()))
    for name, value in LISTS.items():
        extra = f'"HostConfig":{{"{_key(name)}":{value}}}'
        found.append(_flat(f"HostConfig.{name}", order_and(extra), "exact-keys", reaches=_key(name)))
    for name, value in CONFIG_LISTS.items():
        found.append(
            _flat(f"{name} at the top", order_and(f'"{_key(name)}":{value}'), "exact-keys", reaches=_key(name))
        )
    return found


def _flat(name: str, sent: bytes, *also: Defence, reaches: str = "") -> Attack:
    return Attack(name, "flat-json", 400, sent, also, reaches=reaches.encode())


KEYS = [
    Attack(f"a key {name}", "exact-keys", 422, sent, reaches=reaches)
    for name, sent, reaches in (
        ("in lower case", order_and('"hostconfig":{"privileged":true}'), b"privileged"),
        ("in capitals", order_and('"HOSTCONFIG":{"PRIVILEGED":true}'), b"PRIVILEGED"),
        ("of ours in other case", order_and('"Memory_Bytes":0'), b"Memory_Bytes"),
        ("that is empty", order_and('"":true'), b'""'),
        ("missing", create(json.dumps({k: v for k, v in ORDER.items() if k != "processes"})), b""),
        ("in place of another", create(json.dumps(ORDER).replace("processes", "PidsLimit")), b"PidsLimit"),
    )
]
DIFFERENTIALS = [
    _flat("a number twice", order_and('"memory_bytes":33554433')),
    _flat("a number and null", order_and('"inodes":null'), "bounded-numbers"),
    _flat("an image twice", order_and('"image":"python"')),
    _flat("an object twice", order_and('"HostConfig":{"Privileged":true},"HostConfig":{}'), "exact-keys"),
    _flat("a map twice", order_and('"Labels":{"a":"b"},"Labels":{"c":"d"}'), "exact-keys"),
    _flat("a key twice within", order_and('"HostConfig":{"Privileged":true,"Privileged":null}'), "exact-keys"),
    _flat("a key with a long s", order_and('"Bind\u017f":"x"'), "exact-keys"),
    _flat(
        "an object with a long s", order_and('"ho\u017ftconfig":{"Privileged":true}'), "exact-keys", reaches="Privile"
    ),
    _flat("a key with a Kelvin sign", order_and('"Networ\u212aMode":"host"'), "exact-keys"),
    _flat("a key with a dotless i", order_and('"B\u0131nds":"x"'), "exact-keys"),
    _flat("a key with a dotted I", order_and('"P\u0130dMode":"host"'), "exact-keys"),
    _flat("an escaped key", order_and('"\\u0050rivileged":true'), "exact-keys", reaches="Privileged"),
    _flat("an escaped value", order_saying('"bash"', '"b\\u0061sh"')),
    _flat("an escaped slash", order_and('"Image":"x\\/y"'), "exact-keys"),
    _flat("an escaped NUL in the label", order_saying("attack", "a\\u0000"), "plain-label"),
    _flat("half a surrogate pair", order_saying("attack", "\\ud800"), "plain-label"),
    _flat("a byte order mark", create(b"\xef\xbb\xbf" + json.dumps(ORDER).encode())),
    _flat("UTF-16", create(json.dumps(ORDER).encode("utf-16"))),
    _flat("UTF-16 without a mark", create(json.dumps(ORDER).encode("utf-16-le"))),
    _flat("UTF-32", create(json.dumps(ORDER).encode("utf-32"))),
    _flat("bytes that are not UTF-8", create(json.dumps(ORDER).encode().replace(b"attack", b"a\xff")), "plain-label"),
    _flat("braces after the order", create(json.dumps(ORDER) + "}}}}garbage")),
    _flat("a second order", create(json.dumps(ORDER) + json.dumps(ORDER))),
    _flat("a NUL after the order", create(json.dumps(ORDER) + "\x00")),
    _flat("an exponent", order_saying("33554432", "3.3e7"), "bounded-numbers"),
    _flat("an exponent without a point", order_saying("1048576", "1e6"), "bounded-numbers"),
    _flat("a point", order_saying("1000", "1000.0"), "bounded-numbers"),
    _flat("not a number", order_saying("64", "NaN"), "bounded-numbers"),
    _flat("infinity", order_saying("64", "Infinity"), "bounded-numbers"),
    _flat("minus infinity", order_saying("64", "-Infinity"), "bounded-numbers"),
    _flat("a list for a number", order_saying("64", "[64]"), "bounded-numbers"),
    _flat("a path as the image", order_with(image="/etc/passwd"), "configured-images"),
    _flat("an image of a registry", order_with(image="evil/bash"), "configured-images", reaches="evil/bash"),
    _flat("an equals sign in the label", order_with(label="a=b"), "plain-label"),
    _flat("a line end in the label", order_with(label="a\nb"), "plain-label"),
    Attack("deep nesting", "exact-keys", 422, order_and('"a":' + '{"a":' * 400 + "1" + "}" * 400)),
]
IMAGES = [
    Attack(f"the image {name}", "configured-images", 422, order_with(image=name), reaches=name.encode())
    for name in ("debian", "bash:latest", "cloche.bash", "BASH", "", "bash ", "sha256:" + "a" * 64, "a" * 300)
] + [
    Attack("an image that is a number", "configured-images", 422, order_with(image=1)),
    Attack("an image that is null", "configured-images", 422, order_with(image=None)),
]
LABELS = [
    Attack(f"the label {name!r}"[:40], "plain-label", 422, order_with(label=name))
    for name in ("", " ", "a b", "a,b", "a:b", ".hidden", "-x", "{}", "a+b", "a" * 129)
] + [
    Attack("a label that is a number", "plain-label", 422, order_with(label=7)),
    Attack("a label that is an object", "plain-label", 422, order_with(label={})),
]
NUMBERS = [
    Attack(f"{key} = {value!r}"[:50], "bounded-numbers", 422, order_with(**{key: value}), reaches=reaches)
    for key, value, reaches in (
        ("memory_bytes", 0, b""),
        ("memory_bytes", -1, b'"Memory": -1'),
        ("memory_bytes", 6 * 1024 * 1024 - 1, b""),
        ("memory_bytes", 1 << 40, b"1099511627776"),
        ("memory_bytes", 1 << 63, b"9223372036854775808"),
        ("cpus_milli", 0, b'"NanoCpus": 0'),
        ("cpus_milli", -1, b""),
        ("cpus_milli", 4001, b""),
        ("processes", 0, b""),
        ("processes", -1, b'"PidsLimit": 0'),
        ("processes", -2, b'"PidsLimit": -1'),
        ("processes", True, b""),
        ("processes", 1 << 31, b""),
        ("disk_bytes", 0, b"size=0,"),
        ("disk_bytes", -1, b""),
        ("disk_bytes", 1 << 40, b""),
        ("inodes", 0, b"nr_inodes=0"),
        ("inodes", 1 << 40, b""),
        ("inodes", "64", b""),
        ("inodes", "64,exec,suid,dev", b"suid,dev"),
        ("inodes", None, b""),
        ("inodes", False, b""),
        ("inodes", {}, b""),
    )
]
ON_ORDERS = [*_fields(), *KEYS, *DIFFERENTIALS, *IMAGES, *LABELS, *NUMBERS]
