import socket
for name in ("example.org", "metadata.google.internal", "host.docker.internal", "_gateway"):
    try:
        socket.getaddrinfo(name, 80)
        print("resolved", name)
    except OSError:
        pass
print("held")
