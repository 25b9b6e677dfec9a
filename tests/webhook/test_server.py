"""The webhook over real TLS: who is believed, what is answered, and how the certificate changes while it runs."""

import asyncio
import json
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from modelberth.webhook.certificates import Kept, Pair, renewed
from modelberth.webhook.metrics import WebhookMetrics
from modelberth.webhook.review import Raw, Verdict, answer, read_review
from modelberth.webhook.server import MAX_BODY, PATH, WebhookServer
from modelberth.webhook.service import keep_serving
from tests.webhook.requests import UID, body_of, stored

HOST = "modelberth-webhook.modelberth-system.svc"


def kept(before: Kept | None = None, days: float = 0) -> Kept:
    return renewed(before, HOST, datetime.now(UTC) + timedelta(days=days))


async def allow(receive: Callable[[], Awaitable[bytes]]) -> Raw:
    return answer(read_review(await receive()), Verdict())


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@dataclass
class Client:
    """Connects as the API server does: it expects the Service's name and trusts the bundle that it was given."""

    port: int
    authorities: bytes

    async def post(self, body: bytes, path: str = PATH) -> tuple[int, str]:
        trust = ssl.create_default_context(cadata=self.authorities.decode())
        url = f"https://127.0.0.1:{self.port}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, ssl=trust, server_hostname=HOST) as got,
        ):
            return got.status, await got.text()


@pytest.fixture
async def server() -> AsyncIterator[tuple[WebhookServer, int]]:
    port = free_port()
    made = WebhookServer(port, allow)
    yield made, port
    await made.close()


async def test_a_review_is_answered(server: tuple[WebhookServer, int]) -> None:
    made = kept()
    await server[0].use(made.serving)
    client = Client(server[1], made.authorities)
    status, text = await client.post(body_of(stored()))
    assert (status, json.loads(text)["response"]) == (200, {"uid": UID, "allowed": True})
    assert await client.post(b"{}") == (400, "this is no AdmissionReview: KeyError('request')")
    assert (await client.post(b"x" * (MAX_BODY + 1)))[0] == 413
    assert (await client.post(body_of(stored()), "/other"))[0] == 404


async def test_before_there_is_a_certificate_nobody_waits(server: tuple[WebhookServer, int]) -> None:
    with pytest.raises(aiohttp.ClientConnectorError):
        await Client(server[1], kept().authorities).post(b"")


async def test_a_stranger_is_not_believed(server: tuple[WebhookServer, int]) -> None:
    await server[0].use(kept().serving)
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await Client(server[1], kept().authorities).post(b"")


async def test_the_certificate_changes_while_it_runs(server: tuple[WebhookServer, int]) -> None:
    first, second = kept(), kept()
    await server[0].use(first.serving)
    await server[0].use(second.serving)
    assert (await Client(server[1], second.authorities).post(body_of(stored())))[0] == 200
    with pytest.raises(ssl.SSLError):
        await server[0].use(Pair(first.serving.certificate, second.serving.key))
    with pytest.raises(ssl.SSLError):
        await server[0].use(Pair(b"", b""))
    assert (await Client(server[1], second.authorities).post(body_of(stored())))[0] == 200, "the last good one stays"


async def test_the_key_leaves_nothing_behind(
    server: tuple[WebhookServer, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await server[0].use(kept().serving)
    assert os.listdir(tmp_path) == []


async def test_a_port_that_is_taken_can_be_had_later(server: tuple[WebhookServer, int]) -> None:
    made = kept()
    with socket.socket() as other:
        other.bind(("0.0.0.0", server[1]))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            await server[0].use(made.serving)
    await server[0].use(made.serving)
    assert (await Client(server[1], made.authorities).post(body_of(stored())))[0] == 200


@dataclass
class Turns:
    """A source that brings the next of its answers each time, the last one for ever."""

    answers: list[Pair | Exception]
    asked: int = 0
    check_s: float = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def current(self) -> Pair:
        now = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if self.asked > len(self.answers):
            self.enough.set()
        if isinstance(now, Exception):
            raise now
        return now


async def test_whatever_the_source_does_the_last_good_certificate_is_served(
    server: tuple[WebhookServer, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("modelberth.webhook.service.RETRY_S", 0)
    caplog.set_level("WARNING", "modelberth")
    first = kept(days=-61)
    second = kept(first)
    missing = OSError("no folder yet")
    source = Turns([missing, missing, first.serving, RuntimeError("?"), Pair(b"", b""), second.serving])
    registry = CollectorRegistry()
    metrics = WebhookMetrics(registry)
    assert registry.get_sample_value("modelberth_webhook_certificate_expiry_timestamp_seconds") is None
    keeper = asyncio.create_task(keep_serving(source, server[0], metrics))
    await source.enough.wait()
    assert (await Client(server[1], first.authorities).post(body_of(stored())))[0] == 200
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the webhook has no certificate yet",
        "the webhook keeps its certificate",
        "the webhook keeps its certificate",
    ]
    ends = registry.get_sample_value("modelberth_webhook_certificate_expiry_timestamp_seconds")
    assert ends == second.serving.end.timestamp()
    keeper.cancel()


async def test_a_process_without_the_webhook_imports_nothing_of_it() -> None:
    code = "import sys, modelberth.webhook.options; print([m for m in sys.modules if m in ('cryptography', 'aiohttp')])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0].decode().strip() == "[]"
