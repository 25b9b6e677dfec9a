"""What passes between client and pod: bytes as they come, headers as they are, and another try where one helps."""

import asyncio
import gzip
import hashlib
import os
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from modelberth.activator import reception
from tests.activator.api import pod_slice
from tests.activator.conftest import World, until
from tests.activator.engine import Engine, free_port, raw_engine, running
from tests.activator.raw import connect, post


async def test_with_a_pod_ready_nothing_is_held(world: World, engine: Engine) -> None:
    await world.asleep()
    await world.awake(engine.port)
    async with world.client.post(world.url, data=b"x") as answer:
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
    async with world.client.get(f"{world.url}/v1/models?a=%20b") as answer:
        assert (await answer.json())["path"] == "/v1/models?a=%20b"
    assert world.metric("woken_total", namespace="team-a", name="llama") == 0
    await until(world.nothing_left)


async def test_server_sent_events_come_one_by_one(world: World, engine: Engine) -> None:
    engine.answer = engine.stream
    await world.asleep()
    await world.awake(engine.port)
    async with world.client.post(world.url, data=b"x") as answer:
        assert await answer.content.readany() == b"data: one\n\n"
        assert world.nothing_left(), "while it answers, nothing of the request is kept"
        engine.gate.set()
        assert await answer.content.read() == b"data: [DONE]\n\n"
    assert world.metric("bytes_total", direction="out") == 25


async def test_headers_pass_but_those_of_one_hop(world: World, engine: Engine) -> None:
    async def answer(request: web.Request) -> web.Response:
        kept = [("X-A", "1"), ("X-A", "2"), ("Server", "engine"), ("Set-Cookie", "a=b")]
        return web.Response(headers=[*kept, ("Keep-Alive", "timeout=5"), ("X-Hop", "1"), ("Connection", "X-Hop")])

    engine.answer = answer
    await world.asleep()
    await world.awake(engine.port)
    client = await connect(world.port)
    sent = ["Authorization: Bearer k", "X-B: 1", "X-B: 2", "Connection: x-mine, host", "X-Mine: 1", "TE: trailers"]
    await client.send(post(b"{}", *sent, "Proxy-Authorization: p", "Upgrade: h2c"))
    got = (await client.rest()).decode()
    assert "X-A: 1\r\nX-A: 2\r\n" in got
    assert "Server: engine\r\n" in got
    assert "Set-Cookie: a=b\r\n" in got
    assert "X-Hop" not in got
    assert "Keep-Alive" not in got
    assert got.count("Connection: close") == 1
    headers = engine.asked[0].headers
    assert headers["Host"] == "llama"
    assert headers["Authorization"] == "Bearer k"
    assert headers.getall("X-B") == ["1", "2"]
    assert headers["Content-Length"] == "2"
    added = {
        "Accept",
        "Accept-Encoding",
        "User-Agent",
        "Content-Type",
        "X-Mine",
        "TE",
        "Proxy-Authorization",
        "Upgrade",
    }
    assert not added & set(headers)


async def test_nothing_is_unpacked(world: World, engine: Engine) -> None:
    packed = gzip.compress(b"hello" * 100)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    engine.answer = answer
    await world.asleep()
    await world.awake(engine.port)
    async with world.client.post(world.url, data=b"x") as got:
        assert await got.read() == packed
    engine.answer = engine.count_body
    async with world.client.post(world.url, data=packed, headers={"Content-Encoding": "gzip"}) as got:
        assert got.status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("body", [b"", b"x"])
async def test_methods_and_empty_bodies(world: World, engine: Engine, method: str, body: bytes) -> None:
    await world.asleep()
    await world.awake(engine.port)
    async with world.client.request(method, f"{world.url}/a", data=body or None) as answer:
        assert answer.status == 200
    assert engine.asked[0].method == method
    assert engine.bodies == [body]


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
async def test_head_and_answers_without_a_body(world: World, engine: Engine, status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    engine.answer = answer
    await world.asleep()
    await world.awake(engine.port)
    for method in ("HEAD", "POST"):
        async with world.client.request(method, world.url) as got:
            assert got.status == status
            assert await got.read() == b""


async def test_a_client_of_http_1_0(world: World, engine: Engine) -> None:
    engine.answer = engine.stream
    engine.gate.set()
    await world.asleep()
    await world.awake(engine.port)
    client = await connect(world.port)
    await client.send(b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")
    head, body = (await client.rest()).split(b"\r\n\r\n", 1)
    assert b"chunked" not in head.lower()
    assert body == b"data: one\n\ndata: [DONE]\n\n"


async def test_a_chunked_body_arrives_whole(world: World, engine: Engine) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%d," % number

    await world.asleep()
    await world.awake(engine.port)
    async with world.client.post(world.url, data=parts()) as answer:
        assert answer.status == 200
    assert engine.bodies == [b"".join(b"%d," % number for number in range(100))]


@pytest.mark.parametrize("chunked", [False, True])
async def test_fifty_mebibytes_both_ways_take_no_memory(world: World, engine: Engine, chunked: bool) -> None:
    part = os.urandom(1 << 20)

    async def echo(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for some in request.content.iter_any():
            await answer.write(some)
        return answer

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield part

    engine.answer = echo
    await world.asleep()
    await world.awake(engine.port)
    headers = {} if chunked else {"Content-Length": str(50 << 20)}
    digest, size, most = hashlib.sha256(), 0, 0
    async with world.client.post(world.url, data=parts(), headers=headers) as answer:
        async for some in answer.content.iter_any():
            digest.update(some)
            size += len(some)
            most = max(most, world.activator._holding.held_bytes())
    assert size == 50 << 20
    assert digest.digest() == hashlib.sha256(part * 50).digest()
    assert most <= 2 << 20
    await until(world.nothing_left)


async def test_another_pod_is_tried_when_one_refuses(world: World, engine: Engine) -> None:
    await world.asleep()
    await world.awake(free_port(), engine.port, free_port())
    for _ in range(5):
        async with world.client.post(world.url, data=b"x") as answer:
            assert answer.status == 200
    assert engine.bodies == [b"x"] * 5


async def test_the_only_pod_refuses_for_a_while(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "AGAIN_S", 0.05)
    port = free_port()
    await world.asleep()
    await world.awake(port)
    asked = asyncio.create_task(world.client.post(world.url, data=b"x"))
    await until(lambda: world.held == 1)
    async with running(Engine(), port) as engine:
        assert (await asked).status == 200
        assert engine.bodies == [b"x"]
    await until(world.nothing_left)


async def test_who_reads_does_not_wait_for_a_pod_that_refuses(world: World) -> None:
    await world.asleep()
    await world.awake(free_port())
    for path, status in (("/health", 200), ("/metrics", 503)):
        async with world.client.get(f"{world.url}{path}") as answer:
            assert answer.status == status
    assert world.metric("woken_total", namespace="team-a", name="llama") == 0


async def test_a_pod_that_drops_the_request_before_it_answers(world: World, engine: Engine) -> None:
    dropped = 0

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dropped
        await reader.readuntil(b"\r\n\r\n")
        dropped += 1
        writer.transport.abort()

    async with raw_engine(drop) as port:
        await world.asleep()
        await world.awake(port)
        asked = asyncio.create_task(world.client.post(world.url, data=b"hello"))
        await until(lambda: dropped > 0)
        world.slices.delete(pod_slice(world.key, port))
        world.slices.put(pod_slice(world.key, engine.port))
        assert (await asked).status == 200
    assert engine.bodies == [b"hello"]
    await until(world.nothing_left)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_large_body_cannot_be_sent_twice(world: World, method: str) -> None:
    tries = 0

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await reader.readexactly(3 << 20)
        writer.transport.abort()

    async with raw_engine(drop) as port:
        await world.asleep()
        await world.awake(port)
        async with world.client.request(method, world.url, data=b"x" * (8 << 20)) as answer:
            assert answer.status == 502
            assert (await answer.json())["error"]["code"] == "bad_gateway"
    assert tries == 1
    await until(world.nothing_left)


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
async def test_an_answer_that_breaks_off_is_seen_to_be_broken(world: World, framing: bytes) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        writer.close()

    async with raw_engine(half) as port:
        await world.asleep()
        await world.awake(port)
        async with world.client.post(world.url, data=b"x") as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
    await until(lambda: world.metric("requests_total", outcome="failed") == 1)
    await until(world.nothing_left)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n"])
async def test_an_answer_that_is_no_http(world: World, answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        await reader.read()
        writer.close()

    async with raw_engine(speak) as port:
        await world.asleep()
        await world.awake(port)
        async with world.client.post(world.url, data=b"x") as got:
            assert got.status == 502
    await until(world.nothing_left)


async def test_an_answer_that_comes_before_the_body_is_sent(world: World) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        await writer.drain()
        await reader.read(1 << 22)
        writer.close()

    async with raw_engine(refuse) as port:
        await world.asleep()
        await world.awake(port)
        client = await connect(world.port)
        await client.send(post(b"x" * (2 << 20)))
        got = await client.rest()
    assert got.startswith(b"HTTP/1.1 413 ")
    assert got.endswith(b"no")
    await until(world.nothing_left)


async def test_a_client_that_leaves_ends_the_pods_work(world: World, engine: Engine) -> None:
    """The engine must hear of it: it stops generating."""
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await engine.stream(request)
        except asyncio.CancelledError:
            ended.set()
            raise

    engine.answer = answer
    await world.asleep()
    await world.awake(engine.port)
    client = await connect(world.port)
    await client.send(post(b"x"))
    await client.reader.readuntil(b"data: one")
    await client.close()
    await asyncio.wait_for(ended.wait(), 10)
    await until(lambda: world.metric("requests_total", outcome="gone") == 1)
    await until(world.nothing_left)


async def test_requests_are_spread_over_pods(world: World, engine: Engine) -> None:
    async with running(Engine()) as second:
        for one in (engine, second):
            one.answer = one.stream
        await world.asleep()
        asked = [asyncio.create_task(world.client.post(world.url, data=b"x")) for _ in range(10)]
        await until(lambda: world.held == 10)
        world.slices.put(pod_slice(world.key, engine.port), pod_slice(world.key, second.port))
        await until(lambda: len(engine.asked) + len(second.asked) == 10)
        assert len(engine.asked) == len(second.asked) == 5
        for one in (engine, second):
            one.gate.set()
        assert {(await one).status for one in asked} == {200}
