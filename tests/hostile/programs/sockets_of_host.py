import os, socket
for path in ("/tmp/cloche-bait.sock", "/var/run/docker.sock", "/run/docker.sock", "/run/systemd/private", "/run/dbus/system_bus_socket", "/dev/log"):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            print("reached", path)
    except OSError:
        pass
print("held")
