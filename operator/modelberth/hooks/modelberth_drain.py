"""ASGI middleware: once the pod drains, every response ends its connection, so that pooled clients go to another pod.

A pod that leaves its Service keeps the connections it has. Clients with a pool, the OpenAI SDK among them, would send
on them until the engine is told to end, and then run into errors.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable
from typing import Any

FLAG = "/tmp/modelberth-draining"
"""drain.py touches it when the pod is to go."""

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Drain:
    """Wraps an application; websockets and HTTP/2, which has no such header, pass as they are."""

    def __init__(self, app: App, flag: str = FLAG) -> None:
        self.app = app
        self._flag = flag
        # /tmp outlives a container: a flag that is there already drained the one before this.
        self._before = _touched(flag)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("http_version", "1.1").startswith("2"):
            await self.app(scope, receive, send)
            return

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._draining():
                kept = [header for header in message.get("headers", ()) if header[0].lower() != b"connection"]
                message = {**message, "headers": [*kept, (b"connection", b"close")]}
            await send(message)

        await self.app(scope, receive, closing)

    def _draining(self) -> bool:
        """One stat (a microsecond) a response, so that every process of the server knows at once."""
        return _touched(self._flag) != self._before


def _touched(flag: str) -> int | None:
    try:
        return os.stat(flag).st_mtime_ns
    except OSError:
        return None


def register() -> None:
    """Entry point for SGLang (since 0.5.11), which has no option for middleware: it calls this before it makes its
    application. https://docs.sglang.io/docs/hardware-platforms/plugin"""
    from fastapi import FastAPI

    make = FastAPI.__init__

    @functools.wraps(make)
    def make_draining(self: Any, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        self.add_middleware(Drain)

    FastAPI.__init__ = make_draining
    # Its tokenizer workers, where there are several, are processes that load no plugins: they import this instead.
    os.environ.setdefault("SGLANG_HTTP_SERVER_APP_PATH", f"{__name__}:sglang")


def __getattr__(name: str) -> Any:
    """``sglang``: SGLang's application, made when it is asked for, since importing it takes seconds."""
    if name != "sglang":
        raise AttributeError(name)
    from sglang.srt.entrypoints.http_server import app

    app.add_middleware(Drain)
    return app
