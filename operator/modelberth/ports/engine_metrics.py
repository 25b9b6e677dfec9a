"""What a running engine says about itself over HTTP, asked by the address of its pod."""

import asyncio
from types import TracebackType
from typing import Protocol

import aiohttp

TIMEOUT_S = 2.0
MAX_BYTES = 4 << 20
"""Most that is read of one answer: who owns the pod chooses how much it sends."""
PARALLEL = 64
"""Pods that are asked at once. At 20 ms each that is 4,000 pods in 1.3 s; 200 silent ones take 6 s."""


class EngineMetricsError(Exception):
    """The pod did not answer with a text of reasonable size."""


class EngineMetrics(Protocol):
    """Texts that engines serve: metrics, properties."""

    async def read(self, address: str, port: int, path: str) -> str:
        """The text behind ``http://address:port/path``, of a reasonable size. Raises EngineMetricsError."""
        ...


class HttpEngineMetrics:
    """The real thing: no proxy, no redirect, no key. Made inside a running event loop."""

    def __init__(self, timeout_s: float = TIMEOUT_S, parallel: int = PARALLEL, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._session = aiohttp.ClientSession(
            # Connections are not kept: between two looks uvicorn closes them by itself (timeout_keep_alive, 5 s), and
            # a new one costs 0.1 ms of CPU (bench/scrape.py). The semaphore bounds them: a connector's own limit
            # would let those that wait for it run into the deadline.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            # A few bytes of gzip can become gigabytes.
            headers={"Accept": "text/plain, application/json", "Accept-Encoding": "identity"},
            auto_decompress=False,
        )
        self._slots = asyncio.Semaphore(parallel)

    async def __aenter__(self) -> "HttpEngineMetrics":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def read(self, address: str, port: int, path: str) -> str:
        url = f"http://{f'[{address}]' if ':' in address else address}:{port}{path}"
        async with self._slots:
            content = await self._content(url)
        return content.decode("utf-8", "replace")

    async def _content(self, url: str) -> bytearray:
        content = bytearray()
        try:
            async with self._session.get(url, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise EngineMetricsError(f"{url}: HTTP {answer.status}")
                async for chunk in answer.content.iter_chunked(1 << 16):
                    content += chunk
                    if len(content) > self._max_bytes:
                        raise EngineMetricsError(f"{url}: more than {self._max_bytes} bytes")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise EngineMetricsError(f"{url}: {error!r}") from error
        return content
