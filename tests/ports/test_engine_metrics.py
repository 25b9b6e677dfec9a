"""Reading a pod over HTTP, against a real server that behaves badly."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from modelberth.ports.engine_metrics import MAX_BYTES, EngineMetricsError, HttpEngineMetrics

HOST = "127.0.0.1"
TIMEOUT_S = 0.3

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Pod:
    """Answers by path, and the headers of what was asked."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)


def sends(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.fixture
def pod() -> Iterator[Pod]:
    served = Pod()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(dict(self.headers))
            try:
                served.answers[self.path](self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer((HOST, 0), Handler)
    http.daemon_threads = True
    Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    served.port = http.server_address[1]
    yield served
    http.shutdown()
    http.server_close()


@pytest.fixture
async def metrics() -> AsyncIterator[HttpEngineMetrics]:
    async with HttpEngineMetrics(TIMEOUT_S) as made:
        yield made


async def test_the_text(metrics: HttpEngineMetrics, pod: Pod) -> None:
    pod.answers["/metrics"] = sends("vllm:x 1\n# \N{MICRO SIGN}s\n".encode() + b"\xff")
    assert await metrics.read(HOST, pod.port, "/metrics") == "vllm:x 1\n# \N{MICRO SIGN}s\n\N{REPLACEMENT CHARACTER}"
    assert "Authorization" not in pod.asked[0]


async def test_as_much_as_is_allowed_and_no_more(metrics: HttpEngineMetrics, pod: Pod) -> None:
    pod.answers = {"/fits": sends(b"x" * MAX_BYTES), "/more": sends(b"x" * (MAX_BYTES + 1))}
    assert len(await metrics.read(HOST, pod.port, "/fits")) == MAX_BYTES
    with pytest.raises(EngineMetricsError, match="more than"):
        await metrics.read(HOST, pod.port, "/more")


def endless(request: BaseHTTPRequestHandler) -> None:
    sends(b"")(request)
    while True:
        request.wfile.write(b"x" * 100)
        request.wfile.flush()
        time.sleep(0.01)


@pytest.mark.parametrize(
    "answer",
    [
        sends(b"no", 401),
        sends(b"", 302, Location="/elsewhere"),
        sends(b"", 307, Location="http://192.0.2.1/"),
        sends(b"short", Content_Length="9"),
        sends(b"x", X="y" * 100_000),
        lambda request: time.sleep(TIMEOUT_S * 3),
        endless,
        lambda request: request.wfile.write(b"SSH-2.0\r\n"),
    ],
)
async def test_everything_else_is_one_error(metrics: HttpEngineMetrics, pod: Pod, answer: Answer) -> None:
    pod.answers = {"/metrics": answer, "/elsewhere": sends(b"never")}
    with pytest.raises(EngineMetricsError, match=r"http://127\.0\.0\.1"):
        await metrics.read(HOST, pod.port, "/metrics")
    assert len(pod.asked) == 1


async def test_nothing_is_unpacked(metrics: HttpEngineMetrics, pod: Pod) -> None:
    packed = gzip.compress(b"x" * 100_000_000, 1)
    pod.answers["/metrics"] = sends(packed, Content_Encoding="gzip")
    assert len(await metrics.read(HOST, pod.port, "/metrics")) <= len(packed)


async def test_no_proxy_of_the_environment(
    metrics: HttpEngineMetrics, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    pod.answers["/metrics"] = sends(b"direct")
    assert await metrics.read(HOST, pod.port, "/metrics") == "direct"


async def test_the_deadline_begins_when_it_is_a_pods_turn(pod: Pod) -> None:
    def slow(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.4)
        sends(b"late")(request)

    pod.answers["/metrics"] = slow
    async with HttpEngineMetrics(timeout_s=1.0, parallel=1) as metrics:
        texts = await asyncio.gather(*(metrics.read(HOST, pod.port, "/metrics") for _ in range(3)))
    assert texts == ["late"] * 3


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "not an address", ""])
async def test_nobody_listens(metrics: HttpEngineMetrics, address: str) -> None:
    with pytest.raises(EngineMetricsError):
        await metrics.read(address, 1, "/metrics")
