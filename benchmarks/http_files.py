"""Files over HTTP with a delay before each answer, and how much was asked for.

    python benchmarks/http_files.py FOLDER DELAY_MS

Prints its address. ``/-/counts`` tells requests and bytes since it was last asked. Links in the
folder are followed: it holds one folder of files by several names.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path


class Files:
    def __init__(self, folder: Path, delay_s: float) -> None:
        self.folder, self.delay_s = folder.absolute(), delay_s
        self.requests = self.bytes = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                await self.answer(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        request, *lines = head.split("\r\n")
        method, target, _ = request.split(" ")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        if target == "/-/counts":
            body = json.dumps({"requests": self.requests, "bytes": self.bytes}).encode()
            self.requests = self.bytes = 0
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return
        await asyncio.sleep(self.delay_s)
        self.requests += 1
        path = self.folder / target.lstrip("/")
        if ".." in path.parts or not path.is_file():
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        size = path.stat().st_size
        first, last, status = 0, size - 1, "200 OK"
        if "range" in headers:
            low, _, high = headers["range"].removeprefix("bytes=").partition("-")
            first, last = int(low), min(int(high or size - 1), size - 1)
            status = "206 Partial Content"
        writer.write(
            f"HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\nContent-Length: {last - first + 1}\r\n"
            f"Content-Range: bytes {first}-{last}/{size}\r\n\r\n".encode()
        )
        if method == "GET":
            self.bytes += last - first + 1
            with path.open("rb") as file:
                file.seek(first)
                writer.write(file.read(last - first + 1))
        await writer.drain()


async def main() -> None:
    files = Files(Path(sys.argv[1]), float(sys.argv[2]) / 1000)
    server = await asyncio.start_server(files.connected, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
