"""Servers and clients of the cell's own, on loopback."""

import asyncio
import http.server
import socket
import sys
import threading
import urllib.request


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_request(self, code="-", size="-"):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/local_server.py").status == 200
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
    datagrams.bind(("localhost", 0))
    datagrams.sendto(b"x", datagrams.getsockname())
    assert datagrams.recv(1) == b"x"


async def echo():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.write(b"one\n")
        assert await reader.readline() == b"one\n"
        writer.close()


asyncio.run(echo())
sys.stdout.write("done\n")
