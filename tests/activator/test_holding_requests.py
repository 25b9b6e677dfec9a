"""Requests that come while no pod is ready."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from modelberth.activator import body as body_module
from modelberth.activator import reception
from modelberth.activator.holding import Limits
from modelberth.activator.run import Options
from tests.activator.api import door_slice, pod_slice
from tests.activator.conftest import Start, World, until
from tests.activator.engine import Engine
from tests.activator.raw import connect, post


async def test_a_request_waits_for_a_pod_and_is_forwarded(world: World, engine: Engine) -> None:
    await world.asleep()
    asked = asyncio.create_task(world.client.post(f"{world.url}/v1/chat/completions?x=1", json={"a": 1}))
    await until(lambda: world.held == 1)
    assert not engine.asked
    await world.awake(engine.port)
    async with await asked as answer:
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        assert await answer.json() == {"path": "/v1/chat/completions?x=1", "size": 8}
    assert json.loads(engine.bodies[0]) == {"a": 1}
    await until(world.nothing_left)
    assert world.metric("woken_total", namespace="team-a", name="llama") == 1
    assert world.metric("wake_seconds_count") == 1
    assert world.metric("requests_total", outcome="forwarded") == 1
    assert world.metric("bytes_total", direction="in") == 8


async def test_fifty_at_once_half_of_them_streams(world: World, engine: Engine) -> None:
    async def answer(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        if request.query["n"] in ("0", "2"):
            return await engine.stream(request)
        return aiohttp.web.json_response({"n": request.query["n"]})

    engine.answer = answer
    engine.gate.set()
    await world.asleep()

    async def ask(number: int) -> tuple[int, bytes]:
        async with world.client.post(f"{world.url}/v1/completions?n={number % 4}", data=b"x" * number) as answer:
            return answer.status, await answer.read()

    asked = [asyncio.create_task(ask(number)) for number in range(50)]
    await until(lambda: world.held == 50)
    assert world.metric("held", namespace="team-a", name="llama") == 50
    await world.awake(engine.port)
    answers = await asyncio.gather(*asked)
    assert {status for status, _ in answers} == {200}
    assert sum(body.endswith(b"[DONE]\n\n") for _, body in answers) == 25
    await until(world.nothing_left)
    assert world.metric("woken_total", namespace="team-a", name="llama") == 1


HEALTH = ["/", "/health", "/healthz", "/health_generate", "/ping", "/v1/health"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        *((path, 200) for path in HEALTH),
        ("/v1/models", 200),
        ("/v1/models?x=1", 200),
        ("/v1/models/org%2Fllama", 200),
        ("/v1/models/org/llama", 200),
        ("/v1/models/other", 404),
        ("/metrics", 503),
        ("/v1/completions", 503),
    ],
)
async def test_reading_wakes_nobody(world: World, method: str, path: str, status: int) -> None:
    await world.asleep(served="org/llama")
    async with world.client.request(method, f"{world.url}{path}") as answer:
        assert answer.status == status
        assert answer.headers["Connection"] == "close"
        assert ("Retry-After" in answer.headers) == (status == 503)
        if method == "GET" and status >= 400:
            assert set((await answer.json())["error"]) == {"message", "type", "param", "code"}
    assert world.metric("woken_total", namespace="team-a", name="llama") == 0


async def test_the_list_of_models_is_as_openai_writes_it(world: World) -> None:
    await world.asleep(served="org/llama")
    async with world.client.get(f"{world.url}/v1/models") as answer:
        assert await answer.json() == {
            "object": "list",
            "data": [{"id": "org/llama", "object": "model", "created": 1767225600, "owned_by": "modelberth"}],
        }


@pytest.mark.parametrize(("sent", "status"), [({}, 401), ({"Authorization": "Bearer x"}, 200)])
async def test_models_behind_a_key_are_not_told_to_who_has_none(
    world: World, sent: dict[str, str], status: int
) -> None:
    await world.asleep(api_key="yes")
    for path in ("/v1/models", "/v1/models/llama"):
        async with world.client.get(f"{world.url}{path}", headers=sent) as answer:
            assert answer.status == status
    async with world.client.get(f"{world.url}/health") as answer:
        assert answer.status == 200


async def test_nobody_waits_for_ever(start: Start) -> None:
    world = await start(Options(limits=Limits(hold_s=0.1)))
    await world.asleep()
    async with world.client.post(world.url, data=b"x") as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert (await answer.json())["error"]["code"] == "wake_timeout"
    assert world.metric("requests_total", outcome="timeout") == 1
    await until(world.nothing_left)


async def test_a_body_that_never_comes_is_not_waited_for(start: Start) -> None:
    world = await start(Options(limits=Limits(hold_s=0.1)))
    await world.asleep()
    client = await connect(world.port)
    await client.send(post(b"xxxx")[:-2])
    assert await client.status() == 408
    await until(world.nothing_left)


@pytest.mark.parametrize(
    ("limits", "size", "reason"),
    [
        (Limits(requests=2), 1, "requests"),
        (Limits(requests_per_model=2), 1, "model_requests"),
        (Limits(bytes=25_000), 10_000, "bytes"),
        (Limits(bytes_per_model=25_000), 10_000, "model_bytes"),
    ],
)
async def test_bounds(start: Start, engine: Engine, limits: Limits, size: int, reason: str) -> None:
    world = await start(Options(limits=limits))
    await world.asleep()
    waiting = [asyncio.create_task(world.client.post(world.url, data=b"x" * size)) for _ in range(2)]
    await until(lambda: world.held == 2)
    async with world.client.post(world.url, data=b"x" * size) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert (await answer.json())["error"]["code"] == "too_many_waiting"
    assert world.metric("rejected_total", reason=reason) == 1
    assert world.held == 2
    await world.awake(engine.port)
    assert [(await one).status for one in waiting] == [200, 200]
    await until(world.nothing_left)
    async with world.client.post(world.url, data=b"x" * size) as answer:
        assert answer.status == 200


async def test_a_chunked_body_over_the_bound(start: Start) -> None:
    world = await start(Options(limits=Limits(bytes_per_model=500_000)))
    await world.asleep()

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 10_000

    async with world.client.post(world.url, data=parts()) as answer:
        assert answer.status == 503
    assert world.metric("rejected_total", reason="model_bytes") == 1
    await until(world.nothing_left)


async def test_bounds_of_one_model_are_not_those_of_another(start: Start) -> None:
    world = await start(Options(limits=Limits(requests_per_model=1)))
    other = World(**{**vars(world), "key": ("team-b", "llama"), "port": world.port + 1})
    await world.asleep()
    await other.asleep()
    asked = [asyncio.create_task(one.client.post(one.url, data=b"x")) for one in (world, other)]
    await until(lambda: world.held == other.held == 1)
    for one in asked:
        one.cancel()
    await until(world.nothing_left)


async def test_a_client_that_goes_away_frees_its_place(world: World) -> None:
    await world.asleep()
    client = await connect(world.port)
    await client.send(post(b"hello"))
    await until(lambda: world.held == 1)
    await client.close()
    await until(lambda: world.held == 0)
    await until(world.nothing_left)
    assert world.metric("requests_total", outcome="gone") == 1


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_goes_away_with_a_large_body(
    world: World, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than we read: its connection is not read from, so asyncio would not notice."""
    monkeypatch.setattr(reception, "LOOK_S", 0.01)
    monkeypatch.setattr(body_module, "IN_MEMORY", 100_000)
    await world.asleep()
    client = await connect(world.port)
    # The kernel takes the rest, so that the end of the connection can reach us.
    await client.send(post(b"x" * 600_000))
    await until(lambda: world.held == 1)
    await asyncio.sleep(0.05)
    assert world.held == 1
    client.reset() if how == "reset" else await client.close()
    await until(lambda: world.held == 0)
    await until(world.nothing_left)


async def test_the_rest_of_a_large_body_stays_with_the_client(world: World, engine: Engine) -> None:
    engine.answer = engine.count_body
    await world.asleep()
    size = 20 << 20
    sent = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(size >> 16):
            yield b"x" * (1 << 16)
            sent += 1 << 16

    headers = {"Content-Length": str(size)}
    asked = asyncio.create_task(world.client.post(world.url, data=parts(), headers=headers))
    await until(lambda: world.held == 1)
    before = -1
    while before != sent:  # Until the sockets are full.
        before = sent
        await asyncio.sleep(0.1)
    assert sent < size
    assert world.metric("bytes_total", direction="in") == body_module.IN_MEMORY
    await world.awake(engine.port)
    async with await asked as answer:
        assert await answer.json() == {"size": size}
    assert engine.asked[0].headers["Content-Length"] == str(size)
    assert world.metric("bytes_total", direction="in") == size
    await until(world.nothing_left)


async def test_a_client_that_waits_to_be_asked_for_its_body(world: World, engine: Engine) -> None:
    await world.asleep()
    client = await connect(world.port)
    head, body = post(b"hello", "Expect: 100-continue").split(b"\r\n\r\n")
    await client.send(head + b"\r\n\r\n")
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(body)
    await world.awake(engine.port)
    assert await client.status() == 200
    assert engine.bodies == [b"hello"]
    assert "Expect" not in engine.asked[0].headers


async def test_who_is_refused_is_not_asked_for_its_body(start: Start) -> None:
    world = await start(Options(limits=Limits(bytes=1000)))
    await world.asleep()
    client = await connect(world.port)
    head, _ = post(b"x" * 5000, "Expect: 100-continue").split(b"\r\n\r\n")
    await client.send(head + b"\r\n\r\n")
    assert await client.status() == 503


async def test_a_model_wakes_again(world: World, engine: Engine) -> None:
    await world.asleep()
    for times in (1, 2):
        asked: asyncio.Task[Any] = asyncio.create_task(world.client.post(world.url, data=b"x"))
        await until(lambda: world.held == 1)
        await world.awake(engine.port)
        assert (await asked).status == 200
        world.slices.delete(world.slices.objects["team-a", f"llama-{engine.port}"])
        await until(lambda: not world.activator._backends._ready)
        assert world.metric("woken_total", namespace="team-a", name="llama") == times
        assert world.metric("wake_seconds_count") == times


async def test_a_model_that_is_deleted_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "GONE_S", 0.2)
    await world.asleep()
    asked = asyncio.create_task(world.client.post(world.url, data=b"x"))
    await until(lambda: world.held == 1)
    world.slices.delete(door_slice(world.key, world.port), pod_slice(world.key))
    async with await asked as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "model_not_found"
    async with world.client.post(world.url, data=b"late") as answer:
        assert answer.status == 404
    await until(world.nothing_left)


async def test_a_service_that_comes_back_at_once_loses_no_request(world: World, engine: Engine) -> None:
    await world.asleep()
    asked = asyncio.create_task(world.client.post(world.url, data=b"x"))
    await until(lambda: world.held == 1)
    world.slices.delete(door_slice(world.key, world.port), pod_slice(world.key))
    await until(lambda: not world.activator._backends.knows(world.key))
    await world.asleep()
    await world.awake(engine.port)
    async with await asked as answer:
        assert answer.status == 200
