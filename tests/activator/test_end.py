"""SIGTERM: nothing that was begun is cut, and nothing that still comes is refused."""

import asyncio

import pytest

from modelberth.activator import run
from tests.activator.api import door_slice
from tests.activator.conftest import World, until
from tests.activator.engine import Engine


async def test_held_and_running_requests_are_served_to_their_end(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PROPAGATION_S", 0.2)
    engine.answer = engine.stream
    await world.asleep()
    held = asyncio.create_task(world.client.post(world.url, data=b"x"))
    await until(lambda: world.held == 1)
    world.stop.set()
    await until(lambda: not world.activator.ready)
    async with world.client.get(f"{world.admin}/readyz") as answer:
        assert answer.status == 503
    late = asyncio.create_task(world.client.post(world.url, data=b"x"))
    await until(lambda: world.held == 2)
    async with world.client.get(f"{world.admin}/held") as answer:
        assert (await answer.json())["held"] == {"team-a/llama": 2}
    await world.awake(engine.port)
    answers = [await held, await late]
    assert {answer.status for answer in answers} == {200}
    await asyncio.sleep(0.5)
    assert world.work is not None
    assert not world.work.done(), "two streams still run"
    engine.gate.set()
    for one in answers:
        assert (await one.read()).endswith(b"[DONE]\n\n")
    await asyncio.wait_for(world.work, 10)
    assert not world.activator.doors.ports


async def test_it_stays_while_slices_lead_to_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_own_addresses", lambda: {"10.0.0.9"})
    await world.asleep()
    world.stop.set()
    await asyncio.sleep(0.3)
    assert world.work is not None
    assert not world.work.done()
    assert world.activator.doors.ports
    world.slices.put({**door_slice(world.key, world.port), "endpoints": []})
    await asyncio.wait_for(world.work, 10)


async def test_it_does_not_wait_for_an_operator_that_is_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_own_addresses", lambda: {"10.0.0.9"})
    monkeypatch.setattr(run, "ENDPOINT_S", 0.1)
    await world.asleep()
    world.stop.set()
    assert world.work is not None
    await asyncio.wait_for(world.work, 10)
