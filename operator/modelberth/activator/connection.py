"""One connection of a client: one request, bounded in every way, and nothing of it in the logs."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler

from modelberth.activator.answers import error
from modelberth.activator.holding import Limits
from modelberth.activator.slices import Key

OPTIONS: dict[str, Any] = {
    # Also the time that a client has for its request line and headers.
    "keepalive_timeout": 20.0,
    "lingering_time": 5.0,
    "read_bufsize": 64 << 10,
    "max_line_size": 8190,
    "max_field_size": 8190,
    "max_headers": 64,
    "auto_decompress": False,
    "access_log": None,
}
TCP_CLOSE, TCP_CLOSE_WAIT = 7, 8
"""https://github.com/torvalds/linux/blob/master/include/net/tcp_states.h"""


class Crowd:
    """How many connections are open, by model and in total."""

    def __init__(self, limits: Limits, rejected: Callable[[str], None]) -> None:
        self._limits = limits
        self._rejected = rejected
        self._open: Counter[Key] = Counter()

    def enter(self, key: Key) -> bool:
        if self._open.total() >= self._limits.connections or self._open[key] >= self._limits.connections_per_model:
            self._rejected("connections")
            return False
        self._open[key] += 1
        return True

    def leave(self, key: Key) -> None:
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]


class Connection(RequestHandler):
    """aiohttp's own, except that it takes one request and tells the log nothing."""

    def __init__(self, server: web.Server, key: Key, crowd: Crowd) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **OPTIONS)
        self._key = key
        self._crowd = crowd
        self._entered = False
        self._content: StreamReader | None = None

    @property
    def idle(self) -> bool:
        """It has not asked for anything yet."""
        return self._content is None

    def serves(self, request: web.BaseRequest) -> None:
        self._content = request.content

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._entered = self._crowd.enter(self._key)
        if self._entered:
            super().connection_made(transport)
        elif isinstance(transport, asyncio.Transport):
            transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._entered:
            self._crowd.leave(self._key)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # Every answer closes the connection. What is pipelined behind the request would only fill our memory.
        if self._content is None or not self._content.is_eof():
            super().data_received(data)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        return error(status, "this is no HTTP request that can be served", "bad_request")

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """aiohttp would log lines of the request."""


def client_gone(transport: asyncio.Transport | None) -> bool:
    """Whether the client has closed a connection that nobody reads from, which asyncio does not notice."""
    if transport is None or transport.is_closing():
        return True
    try:
        information = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except (AttributeError, OSError):
        return False  # Another system than Linux: the longest wait bounds it.
    return information[0] in (TCP_CLOSE, TCP_CLOSE_WAIT)
