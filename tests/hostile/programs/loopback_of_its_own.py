import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), timeout=1).close()
for address in (("127.0.0.1", 46123), ("127.0.0.1", 22), ("127.0.0.1", 5432), ("127.0.0.1", 8400), ("169.254.169.254", 80), ("1.1.1.1", 53), ("10.0.0.1", 80)):
    try:
        socket.create_connection(address, timeout=0.3).close()
        print("reached", address)
    except OSError:
        pass
try:
    names = sorted(name for _, name in socket.if_nameindex())
except OSError:
    names = ["lo"]
if names != ["lo"]:
    print(names)
print("held")
