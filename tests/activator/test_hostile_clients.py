"""What a client may not do: hide a second request, take memory or connections without end, be quoted in the log."""

import asyncio
import logging

import pytest

from modelberth.activator.connection import OPTIONS
from modelberth.activator.holding import Limits
from modelberth.activator.run import Options
from tests.activator.conftest import Start, World, until
from tests.activator.engine import Engine
from tests.activator.raw import connect, post

SECRET = "hush-hush"


def lines(*given: str, body: str = "") -> bytes:
    return ("\r\n".join([*given, "", ""]) + body).encode()


SMUGGLED = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"

BAD = {
    "length and chunked": lines(
        "POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Transfer-Encoding: chunked", body=f"0\r\n\r\n{SMUGGLED}"
    ),
    "two lengths": lines("POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Content-Length: 6", body="hello!"),
    "two equal lengths": lines("POST / HTTP/1.1", "Host: a", "Content-Length: 5, 5", body="hello"),
    "signed length": lines("POST / HTTP/1.1", "Host: a", "Content-Length: +5", body="hello"),
    "another coding": lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"),
    "a coding that is no longer": lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: identity", body="x"),
    "chunked in disguise": lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: xchunked", body="0\r\n\r\n"),
    "space before the colon": lines("POST / HTTP/1.1", "Host: a", "Content-Length : 5", body="hello"),
    "folded header": lines("POST / HTTP/1.1", "Host: a", "X-A: 1", " more", "Content-Length: 0"),
    "two hosts": lines("POST / HTTP/1.1", "Host: a", "Host: b", "Content-Length: 0"),
    "no host": lines("POST / HTTP/1.1", "Content-Length: 0"),
    "bare line feeds": b"POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
    "NUL in a header": lines("POST / HTTP/1.1", "Host: a", "X-A: a\0b", "Content-Length: 0"),
    "bytes that are no text": b"POST / HTTP/1.1\r\nHost: a\r\nX-A: \xff\r\nContent-Length: 0\r\n\r\n",
    "a chunk that lies": lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body="5\r\nhelloGET"),
    "a chunk of no size": lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body="-5\r\nhello\r\n"),
    "a long line": lines(f"POST /{'a' * 9000} HTTP/1.1", "Host: a", "Content-Length: 0"),
    "a long header": lines("POST / HTTP/1.1", "Host: a", f"X-A: {'a' * 9000}", "Content-Length: 0"),
    "many headers": lines("POST / HTTP/1.1", "Host: a", *(f"X-{n}: 1" for n in range(100)), "Content-Length: 0"),
    "a tunnel": lines("CONNECT 169.254.169.254:80 HTTP/1.1", "Host: a"),
    "the whole server": lines("OPTIONS * HTTP/1.1", "Host: a"),
    "another protocol with a body": lines(
        "POST / HTTP/1.1", "Host: a", "Connection: upgrade", "Upgrade: websocket", "Content-Length: 5", body="hello"
    ),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
}


@pytest.mark.parametrize("bad", BAD)
async def test_what_is_no_plain_request_reaches_no_engine(
    world: World, engine: Engine, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await world.asleep()
    await world.awake(engine.port)
    client = await connect(world.port)
    await client.send(BAD[bad])
    got = await client.rest()
    assert got.startswith(b"HTTP/1.1 400 ") or got.startswith(b"HTTP/1.0 400 "), got[:100]
    assert got.count(b"HTTP/1.") == 1, "one answer"
    assert not engine.bodies
    await until(world.nothing_left)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_path_names_no_other_host(world: World, engine: Engine) -> None:
    await world.asleep()
    await world.awake(engine.port)
    for path, seen in [("http://169.254.169.254/a?b", "/a?b"), ("//evil/a", "//evil/a"), ("/a/../b", "/a/../b")]:
        client = await connect(world.port)
        await client.send(post(b"x", path=path))
        assert await client.status() == 200
        assert engine.asked[-1].raw_path == seen


async def test_what_is_pipelined_is_not_served(world: World, engine: Engine) -> None:
    await world.asleep()
    client = await connect(world.port)
    await client.send(post(b"one"))
    await until(lambda: world.held == 1)
    for _ in range(200):
        await client.send(post(b"two", f"X-Fill: {'a' * 5000}"))
    (connection,) = world.activator.doors.connections
    assert len(connection._messages) == 0
    await world.awake(engine.port)
    got = await client.rest()
    assert got.count(b"HTTP/1.1 200") == 1
    assert engine.bodies == [b"one"]


async def test_headers_must_come_in_time(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPTIONS, "keepalive_timeout", 0.1)
    await world.asleep()
    await world.awake(engine.port)
    client = await connect(world.port)
    await client.send(b"POST / HTTP/1.1\r\nHost: ")
    assert await client.rest() == b""
    assert not world.activator.doors.connections


async def test_a_door_has_so_many_connections(start: Start, engine: Engine) -> None:
    world = await start(Options(limits=Limits(requests_per_model=2)))
    await world.asleep()
    clients = [await connect(world.port) for _ in range(4)]
    await until(lambda: len(world.activator.doors.connections) == 4)
    late = await connect(world.port)
    assert await late.rest() == b""
    assert world.metric("rejected_total", reason="connections") == 1
    await clients[0].close()
    await until(lambda: len(world.activator.doors.connections) == 3)
    await world.awake(engine.port)
    client = await connect(world.port)
    await client.send(post(b"x"))
    assert await client.status() == 200


async def test_headers_count_as_bytes(start: Start) -> None:
    world = await start(Options(limits=Limits(bytes_per_model=1000)))
    await world.asleep()
    client = await connect(world.port)
    await client.send(post(b"", f"X-A: {'a' * 2000}"))
    assert await client.status() == 503
    await until(world.nothing_left)


async def test_nothing_of_a_request_is_logged(
    world: World, engine: Engine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    await world.asleep()
    asked = asyncio.create_task(
        world.client.post(f"{world.url}/{SECRET}", data=SECRET, headers={"Authorization": SECRET})
    )
    await until(lambda: world.held == 1)
    await world.awake(engine.port)
    assert (await asked).status == 200

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("modelberth.activator.forwarding.passed_on", fails)
    async with world.client.post(world.url, data=SECRET) as answer:
        assert answer.status == 500
        assert SECRET not in await answer.text()
    failed = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage().split(" in ")[0] for record in failed] == ["a request failed: RuntimeError"]
    assert SECRET not in caplog.text
    await until(world.nothing_left)
