"""/healthz, /readyz and /metrics, asked over a real socket."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from modelberth.runtime.metrics import Metrics
from modelberth.runtime.server import serve


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def server(metrics: Metrics) -> AsyncIterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    runner = await serve(port, metrics.registry)
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def ask(url: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text(), answer.headers["Content-Type"]


async def test_health_and_readiness(server: str) -> None:
    assert (await ask(f"{server}/healthz"))[0] == 200
    assert (await ask(f"{server}/readyz"))[0] == 200, "a replica that waits for the lease is ready to take over"
    assert (await ask(f"{server}/nothing"))[0] == 404


async def test_metrics(server: str, metrics: Metrics) -> None:
    metrics.leading(True)
    metrics.depth(7)
    metrics.reconciled("ok", 0.02)
    metrics.reconciled("error", 0.02)
    metrics.called("PATCH", 200, 0.01)
    metrics.called("PATCH", 0, 0.01)
    metrics.watch_restarted("Pod")
    metrics.objects({"Pod": 3})
    status, text, kind = await ask(f"{server}/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    for line in (
        "modelberth_leader 1.0",
        "modelberth_queue_depth 7.0",
        'modelberth_reconcile_total{result="ok"} 1.0',
        'modelberth_reconcile_total{result="error"} 1.0',
        "modelberth_reconcile_seconds_count 2.0",
        'modelberth_api_calls_total{code="200",verb="PATCH"} 1.0',
        'modelberth_api_calls_total{code="none",verb="PATCH"} 1.0',
        'modelberth_watch_restarts_total{kind="Pod"} 1.0',
        'modelberth_objects{kind="Pod"} 3.0',
    ):
        assert line in text.splitlines()
    assert "process_resident_memory_bytes" in text
