"""The body of a request: its start in memory, the rest in the socket until somebody wants it."""

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import StreamReader

from modelberth.activator.holding import Place

IN_MEMORY = 1 << 20
"""Bytes of a body that are read before it is forwarded. The rest stays with the client: TCP holds it back."""
UNREAD = 256 << 10
"""Bytes that asyncio reads at once, and so may lie in the buffer of a connection that is not read from."""
CHUNK = 64 << 10
IDLE_S = 60.0
"""A client that is being read from sends something this often."""


class Body:
    """Can be sent again as long as all that was read of it is in memory."""

    def __init__(self, content: StreamReader, length: int | None, place: Place, count: Callable[[int], None]) -> None:
        self._content = content
        self._length = length
        self._place = place
        self._count = count
        self._start = b""
        self._spent = False

    @property
    def complete(self) -> bool:
        """All of it has been read; else the connection tells nothing of a client that goes away."""
        return self._content.at_eof()

    @property
    def replayable(self) -> bool:
        return not self._spent

    def reserve(self) -> None:
        """Makes sure of the memory that it will take, as far as that is known. Raises FullError."""
        self._place.grow(UNREAD if self._length is None else min(self._length, IN_MEMORY + UNREAD))

    async def fill(self) -> None:
        """Reads up to IN_MEMORY bytes. Raises FullError, and RequestPayloadError: the framing is broken."""
        parts: list[bytes] = []
        room = IN_MEMORY
        while room and (part := await self._content.read(min(room, CHUNK))):
            self._count(len(part))
            if self._length is None:
                self._place.grow(len(part))
            parts.append(part)
            room -= len(part)
        self._start = b"".join(parts)

    def data(self) -> "bytes | Once | None":
        """What aiohttp's client is to send."""
        return (self._start or None) if self.complete else Once(self._all())

    def forget(self) -> None:
        """It need not be sent again."""
        self._spent = True
        self._start = b""
        self._place.shrink()

    async def _all(self) -> AsyncIterator[bytes]:
        yield self._start
        self.forget()
        while True:
            async with asyncio.timeout(IDLE_S):
                part = await self._content.read(CHUNK)
            if not part:
                return
            self._count(len(part))
            yield part


class Once:
    """aiohttp sends a PUT or DELETE a second time by itself, and would go on in the middle of the body."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self._taken = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._taken:
            raise ConnectionResetError("a body that was begun cannot be sent again")
        self._taken = True
        return self._parts
