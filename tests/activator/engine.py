"""Engines to forward to: real aiohttp servers on real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Engine:
    """Keeps what it was asked; ``answer`` may be replaced."""

    port: int = 0
    asked: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    body_sizes: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Answer | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.answer is not None:
            return await self.answer(request)
        body = await request.read()
        self.bodies.append(body)
        return web.json_response({"path": request.path_qs, "size": len(body)})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events; the second comes when ``gate`` opens."""
        await request.read()
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: one\n\n")
        await self.gate.wait()
        await answer.write(b"data: [DONE]\n\n")
        return answer

    async def count_body(self, request: web.Request) -> web.StreamResponse:
        """Reads a body that is too large to keep."""
        size = 0
        async for part in request.content.iter_any():
            size += len(part)
        self.body_sizes.append(size)
        return web.json_response({"size": size})


@asynccontextmanager
async def running(engine: Engine, port: int = 0) -> AsyncIterator[Engine]:
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", engine.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    assert site._server is not None
    engine.port = runner.addresses[0][1]
    try:
        yield engine
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_engine(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """An engine without manners; its port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def free_port(taken: set[int] = set()) -> int:  # noqa: B006 - one set for the whole run, so that no port comes twice
    """A port that a door may have and that nobody listens on."""
    for port in range(21000, 32768):
        if port in taken:
            continue
        taken.add(port)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")
