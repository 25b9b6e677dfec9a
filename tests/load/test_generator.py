"""The load generator: which request comes next, when an answer is whole, and a run against a small server."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from e2e.load.generator import Generator, Load, choose, finished
from e2e.load.results import Results

URL = "http://model.space.svc/v1"


def events(*reasons: str | None, done: bool = True) -> bytes:
    """A stream with an event for each finish reason, as llama-server and vLLM write it."""
    chunks = [{"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": reason}]} for reason in reasons]
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"] * done
    return "".join(lines).encode()


def whole(reason: str | None) -> bytes:
    return json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": reason}]}).encode()


USAGE = b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    ("body", "stream", "expected"),
    [
        (whole("stop"), False, True),
        (whole("length"), False, True),
        (whole("abort"), False, False),
        (whole(None), False, False),
        (whole("stop")[:-1], False, False),
        (b"", False, False),
        (b"[]", False, False),
        (b'{"error": {"message": "no"}}', False, False),
        (events(None, "length"), True, True),
        (events(None, "stop", done=False) + USAGE, True, True),
        (events(None, "stop").replace(b"\n", b"\r\n"), True, True),
        (events(None, "abort"), True, False),
        (events(None, None), True, False),
        (events(None, "stop", done=False), True, False),
        (events("stop", done=False) + b'data: {"error": {"code": 500}}\n\ndata: [DONE]\n\n', True, False),
        (b"", True, False),
        (whole("stop"), True, False),
    ],
)
def test_an_answer_is_whole(body: bytes, stream: bool, expected: bool) -> None:
    assert finished(body, stream) is expected


@given(st.binary() | st.text().map(str.encode), st.booleans())
def test_noise_is_no_answer(body: bytes, stream: bool) -> None:
    assert not finished(body, stream)


@given(st.data())
def test_a_stream_that_was_cut_is_not_whole(data: st.DataObject) -> None:
    body = events(None, None, "stop")
    length = data.draw(st.integers(0, len(body) - len("]\n\n")))
    assert not finished(body[:length], True)


@pytest.mark.parametrize("streams", [None, True, False])
@pytest.mark.parametrize("pooled", [None, True, False])
@given(first=st.integers(0, 99), urls=st.integers(1, 3))
def test_four_turns_see_every_combination(streams: bool | None, pooled: bool | None, first: int, urls: int) -> None:
    load = Load([f"{URL}/{number}" for number in range(urls)], "model", streams=streams, pooled=pooled)
    seen = Counter(choose(first * urls + number, load) for number in range(4 * urls))
    allowed = {
        (url, stream, kept)
        for url in load.urls
        for stream in ([False, True] if streams is None else [streams])
        for kept in ([False, True] if pooled is None else [pooled])
    }
    assert set(seen) == allowed
    assert len(set(seen.values())) == 1, "each as often as the others"


class Server:
    """Answers a share of the requests as told: status, body, how much of the body is really sent."""

    def __init__(self) -> None:
        self.answers: list[str] = ["whole"]
        self.asked = 0
        self.asked_often = asyncio.Event()
        self.connections: set[object] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        stream = (await request.json())["stream"]
        self.connections.add(request.transport)
        kind = self.answers[self.asked % len(self.answers)]
        self.asked += 1
        if self.asked == 7:
            self.asked_often.set()
        if kind == "busy":
            return web.json_response({"error": "busy"}, status=503)
        body = events(None, "stop") if stream else whole("stop")
        reply = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await reply.prepare(request)
        await reply.write(body if kind == "whole" else body[:20])
        if kind == "whole":
            await reply.write_eof()
        elif request.transport is not None:
            request.transport.close()
        return reply


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    model, app = Server(), web.Application()
    app.router.add_post("/v1/chat/completions", model.answer)
    async with TestServer(app) as running:
        yield model, str(running.make_url("/v1"))


async def test_a_burst_is_counted_whole(server: tuple[Server, str]) -> None:
    model, url = server
    results = Results(tuple(await Generator(Load([url], "model", concurrency=5, total=20)).run()))
    assert results.outcomes == {"answered": 20}
    assert model.asked == 20
    assert Counter(record.stream for record in results.records) == {True: 10, False: 10}
    assert all(record.pooled for record in results.records if record.reused)
    assert any(record.reused for record in results.records)


async def test_own_connections_are_never_used_twice(server: tuple[Server, str]) -> None:
    model, url = server
    records = await Generator(Load([url], "model", total=6, pooled=False)).run()
    assert len(model.connections) == 6
    assert not any(record.reused for record in records)


async def test_a_stream_is_the_last_on_its_connection(server: tuple[Server, str]) -> None:
    model, url = server
    load = Load([url], "model", total=6, pooled=True)
    records = await Generator(load).run()
    assert [(record.stream, record.reused) for record in records[:4]] == [
        (False, False),
        (True, True),
        (False, False),
        (True, True),
    ]
    assert len(model.connections) == 3


async def test_what_goes_wrong_is_noted(server: tuple[Server, str]) -> None:
    model, url = server
    model.answers = ["whole", "busy", "cut"]
    results = Results(tuple(await Generator(Load([url], "model", total=9)).run()))
    assert results.outcomes == {"answered": 3, "HTTP 503": 3, "cut": 3}
    assert all(failure.error for failure in results.failures)


async def test_a_refused_connection_is_noted() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        results = Results(tuple(await Generator(Load([url], "model", total=2)).run()))
    assert results.outcomes == {"ClientConnectorError": 2}


async def test_groups_come_until_the_load_is_stopped(server: tuple[Server, str]) -> None:
    model, url = server
    generator = Generator(Load([url], "model", concurrency=2, gaps_s=(0.0, 0.01)))
    run = asyncio.create_task(generator.run())
    await model.asked_often.wait()
    generator.stopped.set()
    records = await run
    assert len(records) == model.asked
    assert all(record.finished and record.ended is not None for record in records)


async def test_a_group_ends_at_the_total(server: tuple[Server, str]) -> None:
    load = Load([server[1]], "model", concurrency=2, total=5, gaps_s=(0.0, 0.0))
    assert len(await Generator(load).run()) == 5
