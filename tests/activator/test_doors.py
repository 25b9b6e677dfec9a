"""Ports that open, linger, move to another model, and are claimed twice."""

import asyncio
import socket

import pytest

from modelberth.activator import doors, run
from tests.activator.api import door_slice, pod_slice
from tests.activator.conftest import World, until
from tests.activator.engine import Engine, free_port, running
from tests.activator.raw import connect, post

OTHER = ("team-b", "qwen")


async def test_a_door_lingers_and_then_closes(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "LINGER_S", 0.3)
    await world.asleep()
    await world.awake(engine.port)
    world.slices.delete(door_slice(world.key, world.port))
    await until(lambda: bool(world.activator.doors._closing))
    async with world.client.post(world.url, data=b"late") as answer:
        assert answer.status == 200
    await until(lambda: not world.activator.doors.ports)
    with pytest.raises(ConnectionRefusedError):
        await connect(world.port)


async def test_a_door_that_comes_back_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "LINGER_S", 0.1)
    await world.asleep()
    world.slices.delete(door_slice(world.key, world.port))
    await until(lambda: bool(world.activator.doors._closing))
    world.slices.put(door_slice(world.key, world.port))
    await until(lambda: not world.activator.doors._closing)
    await asyncio.sleep(0.2)
    assert world.activator.doors.ports == {world.port}


async def test_a_request_that_runs_outlives_its_door(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "LINGER_S", 0.01)
    engine.answer = engine.stream
    await world.asleep()
    await world.awake(engine.port)
    async with world.client.post(world.url, data=b"x") as answer:
        assert await answer.content.readany() == b"data: one\n\n"
        idle = await connect(world.port)
        await until(lambda: len(world.activator.doors.connections) == 2)
        world.slices.delete(door_slice(world.key, world.port))
        await until(lambda: not world.activator.doors.ports)
        assert await idle.rest() == b"", "a connection that has asked for nothing is dropped"
        assert len(world.activator.doors.connections) == 1
        engine.gate.set()
        assert await answer.content.read() == b"data: [DONE]\n\n"
    await until(lambda: not world.activator.doors.connections)


async def test_a_port_that_moves_takes_no_connection_along(world: World, engine: Engine) -> None:
    async with running(Engine()) as second:
        await world.asleep()
        held = await connect(world.port)
        await held.send(post(b"for llama"))
        await until(lambda: world.held == 1)
        idle = await connect(world.port)
        await until(lambda: len(world.activator.doors.connections) == 2)
        world.slices.delete(door_slice(world.key, world.port))
        world.slices.put(door_slice(OTHER, world.port), pod_slice(OTHER, second.port))
        await until(lambda: {door.door.key for door in world.activator.doors._open.values()} == {OTHER})
        assert await idle.rest() == b""
        async with world.client.post(world.url, data=b"for qwen") as answer:
            assert answer.status == 200
        assert second.bodies == [b"for qwen"]
        await world.awake(engine.port)
        assert await held.status() == 200
        assert engine.bodies == [b"for llama"]


async def test_of_two_that_claim_a_port_the_older_keeps_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.slices.put(door_slice(OTHER, world.port, made="2026-01-02T00:00:00Z"))
    await until(lambda: bool(world.activator.doors.ports))
    await world.asleep()
    await until(lambda: {door.door.key for door in world.activator.doors._open.values()} == {world.key})
    world.slices.put(pod_slice(world.key))
    await asyncio.sleep(0.05)
    assert world.metric("port_conflicts_total") == 1
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == f"port {world.port} is that of team-a/llama, which is older"
    assert record.__dict__["key"] == OTHER


async def test_a_model_keeps_its_port_while_it_is_awake(world: World) -> None:
    """Its door is gone and comes back younger; the Service behind it was there first."""
    await world.asleep()
    world.slices.delete(door_slice(world.key, world.port))
    world.slices.put(door_slice(OTHER, world.port, made="2026-01-02T00:00:00Z"))
    await until(lambda: {door.door.key for door in world.activator.doors._open.values()} == {OTHER})
    world.slices.put(door_slice(world.key, world.port, made="2026-01-03T00:00:00Z"))
    await until(lambda: {door.door.key for door in world.activator.doors._open.values()} == {world.key})


async def test_a_port_that_is_taken_is_tried_again(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run, "AGAIN_S", 0.05)
    with socket.create_server(("127.0.0.1", world.port)):
        world.slices.put(door_slice(world.key, world.port))
        await until(lambda: "cannot be opened" in caplog.text)
        other = free_port()
        world.slices.put(door_slice(OTHER, other))
        await until(lambda: world.activator.doors.ports == {other})
    await until(lambda: world.activator.doors.ports == {other, world.port})


async def test_a_thousand_doors(world: World, engine: Engine) -> None:
    keys = {free_port(): ("fleet", f"model-{number}") for number in range(1000)}
    world.slices.put(*(door_slice(key, port) for port, key in keys.items()))
    await until(lambda: world.activator.doors.ports == set(keys))
    asked = [
        asyncio.create_task(world.client.post(f"http://127.0.0.1:{port}", data=key[1].encode()))
        for port, key in keys.items()
    ]
    await until(lambda: len(world.activator._holding.held) == 1000, 60)
    world.slices.put(*(pod_slice(key, engine.port) for key in keys.values()))
    answers = await asyncio.gather(*asked)
    assert {answer.status for answer in answers} == {200}
    assert sorted(engine.bodies) == sorted(key[1].encode() for key in keys.values())
    world.slices.delete(*(door_slice(key, port) for port, key in keys.items()))
    await until(world.nothing_left)
