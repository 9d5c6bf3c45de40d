import os
for name in (b"\xff\xfe\x80", b"line\nbreak", b"-rf", b"--", b"~", b"*", b" ", b"x" * 255, b"\x1b[2J", b"\xc3\x28", b"a;reboot", b"$(id)", b"cloche-odd"):
    os.mkdir(name)
    with open(name + b"/" + name, "wb") as file:
        file.write(name)
print("held")
