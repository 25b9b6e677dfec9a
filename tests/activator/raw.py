"""A client that writes what no library would, and reads the answer as bytes."""

import asyncio
from dataclasses import dataclass


@dataclass
class Raw:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self, seconds: float = 10.0) -> bytes:
        """All that comes until the other side closes; a reset is an end, too."""
        got = b""
        async with asyncio.timeout(seconds):
            try:
                while part := await self.reader.read(1 << 16):
                    got += part
            except ConnectionError:
                pass
        return got

    async def status(self) -> int:
        """Of the whole answer; 0 where none came."""
        answer = await self.rest()
        return int(answer.split(b" ", 2)[1]) if answer else 0

    def reset(self) -> None:
        """Goes away as a process does that is killed with unread data."""
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()


async def connect(port: int) -> Raw:
    return Raw(*await asyncio.open_connection("127.0.0.1", port))


def post(body: bytes = b"", *headers: str, path: str = "/v1/completions") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: llama", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
