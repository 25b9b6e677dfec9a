"""/healthz, /readyz, /metrics and /held on one port."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from modelberth.activator.held import HeldReport

LONGEST_S = 60.0
"""Longest wait of /held."""


async def serve_admin(
    port: int, registry: CollectorRegistry, report: HeldReport, ready: Callable[[], bool]
) -> web.AppRunner:
    """Starts the server. Health is the event loop's own pulse: a loop that hangs answers nothing."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(text="not ready\n", status=503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def held(request: web.Request) -> web.Response:
        try:
            wait = float(request.query.get("wait", "0"))
        except ValueError as error:
            raise web.HTTPBadRequest(text="wait: seconds") from error
        # In this order NaN becomes 0.
        return web.json_response(await report.read(request.query.get("after", ""), max(0.0, min(wait, LONGEST_S))))

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    app.add_routes([web.get("/metrics", metrics), web.get("/held", held)])
    # A question that waits for news is dropped at the end: who asks it asks again, and hears that nobody is there.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
