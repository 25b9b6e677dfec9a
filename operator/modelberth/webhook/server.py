"""HTTPS for the API server, with a certificate that may change while it runs."""

import ssl
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from modelberth.webhook.certificates import Pair
from modelberth.webhook.review import Raw

PATH = "/validate"
MAX_BODY = 3 << 20
"""Bytes of a request, as the API server's own limit: the new object and the old one."""
KEEPALIVE_S = 120.0
"""The API server drops idle connections after 90 s; were we first, a request could meet a closing connection."""
SHUTDOWN_S = 2.0

Review = Callable[[Callable[[], Awaitable[bytes]]], Awaitable[Raw]]
"""``Admission.review``."""


class WebhookServer:
    """Listens from the first certificate on. Until then the API server's connection is refused, so it need not wait."""

    def __init__(self, port: int, review: Review) -> None:
        self._port = port
        self._review = review
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._runner: web.AppRunner | None = None

    async def use(self, pair: Pair) -> None:
        """Serves with this certificate. Raises OSError (ssl.SSLError too) where it cannot be used."""
        self._load(pair)
        if self._runner is None:
            self._runner = await self._start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _load(self, pair: Pair) -> None:
        with tempfile.TemporaryDirectory(prefix="modelberth-webhook-") as folder:
            # OpenSSL reads certificates from files only.
            file = Path(folder, "tls.pem")
            file.write_bytes(pair.key + b"\n" + pair.certificate)
            # Tried first: a pair that does not match would leave the context in use with half of it.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
            self._context.load_cert_chain(file)

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes([web.post(PATH, self._answer)])
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_S, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, port=self._port, ssl_context=self._context).start()
        except OSError:
            await runner.cleanup()
            raise
        return runner

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(await self._review(request.read))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        except TimeoutError as error:
            raise web.HTTPServiceUnavailable(text="the request did not come in time") from error
