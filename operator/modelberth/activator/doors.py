"""The ports of sleeping models: opened, kept a while after their slice is gone, closed."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from modelberth.activator.connection import Connection, Crowd
from modelberth.activator.forwarding import keep_alive
from modelberth.activator.slices import Door, Key, claims

log = logging.getLogger(__name__)

LINGER_S = 60.0
"""A door stays open after its slice is gone: kube-proxies are late, and some connections are on their way."""
BACKLOG = 1024
AGAIN_S = 5.0
"""A port that could not be opened is tried again."""

Serve = Callable[[Door, web.BaseRequest], Awaitable[web.StreamResponse]]


class Listener:
    """One open port. A connection is of the model that the port had when it was made."""

    def __init__(self, door: Door, serve: Serve, crowd: Crowd) -> None:
        self.door = door
        self._serve = serve
        self._crowd = crowd
        # The client's going away cancels the handler, which frees its place.
        self._protocols = web.Server(self._handle, handler_cancellation=True)
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> list[Connection]:
        return [one for one in self._protocols.connections if isinstance(one, Connection)]

    async def open(self, host: str | None) -> None:
        """Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        sock = _listening(host, self.door.port)
        try:
            self._server = await loop.create_server(self._connection, sock=sock, backlog=BACKLOG)
        except OSError:
            sock.close()
            raise

    def close(self) -> None:
        """Takes no new connections, and drops those that have not asked for anything."""
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            if connection.idle:
                connection.force_close()

    def _connection(self) -> Connection:
        return Connection(self._protocols, self.door.key, self._crowd)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request.protocol, Connection):
            request.protocol.serves(request)
        return await self._serve(self.door, request)


@dataclass
class Doors:
    """All open ports. ``conflict()`` is called once for each door that finds its port taken by an older one."""

    serve: Serve
    crowd: Crowd
    conflict: Callable[[], None]
    host: str | None = None
    """Address to listen on; None: all of them."""
    _open: dict[int, Listener] = field(default_factory=dict)
    _closing: dict[int, asyncio.TimerHandle] = field(default_factory=dict)
    _parted: list[Listener] = field(default_factory=list)
    _late: set[tuple[Key, int]] = field(default_factory=set)

    async def update(self, doors: Iterable[Door], since: Mapping[Key, str]) -> bool:
        """Opens and closes ports. False: one could not be opened, so this must be called again."""
        wanted, late = claims(doors, since)
        self._tell(late, wanted)
        for port, listener in list(self._open.items()):
            if port not in wanted:
                self._linger(port)
            elif wanted[port].key == listener.door.key:
                listener.door = wanted[port]
                self._stay(port)
            else:
                self._close(port)
        opened = [await self._open_one(door) for port, door in wanted.items() if port not in self._open]
        return all(opened)

    @property
    def connections(self) -> list[Connection]:
        """Those of closed doors too."""
        return [connection for door in (*self._open.values(), *self._parted) for connection in door.connections]

    @property
    def ports(self) -> set[int]:
        return set(self._open)

    def close(self) -> None:
        for port in list(self._open):
            self._close(port)

    async def _open_one(self, door: Door) -> bool:
        listener = Listener(door, self.serve, self.crowd)
        try:
            await listener.open(self.host)
        except OSError as error:
            log.error("port %s cannot be opened: %s", door.port, error.strerror, extra={"key": door.key})
            return False
        self._open[door.port] = listener
        log.info("port %s opened", door.port, extra={"key": door.key})
        return True

    def _linger(self, port: int) -> None:
        if port not in self._closing:
            self._closing[port] = asyncio.get_running_loop().call_later(LINGER_S, self._close, port)

    def _stay(self, port: int) -> None:
        if timer := self._closing.pop(port, None):
            timer.cancel()

    def _close(self, port: int) -> None:
        self._stay(port)
        listener = self._open.pop(port)
        listener.close()
        self._parted = [parted for parted in (*self._parted, listener) if parted.connections]
        log.info("port %s closed", port, extra={"key": listener.door.key})

    def _tell(self, late: Iterable[Door], wanted: Mapping[int, Door]) -> None:
        before, self._late = self._late, {(door.key, door.port) for door in late}
        for key, port in sorted(self._late - before):
            log.error("port %s is that of %s, which is older", port, "/".join(wanted[port].key), extra={"key": key})
            self.conflict()


def _listening(host: str | None, port: int) -> socket.socket:
    """One socket for both families where the machine has both. Accepted connections inherit its options."""
    if host is not None:
        sock = socket.create_server((host, port), backlog=BACKLOG)
    elif socket.has_dualstack_ipv6():
        sock = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
    else:
        sock = socket.create_server(("", port), backlog=BACKLOG)
    keep_alive(sock)
    return sock
