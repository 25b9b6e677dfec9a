"""/healthz, /readyz, /metrics and /held."""

import asyncio
from typing import Any

import pytest

from modelberth.activator import held
from modelberth.activator.held import HeldReport
from modelberth.activator.run import Options
from tests.activator.api import door_slice
from tests.activator.conftest import Start, World, until
from tests.activator.engine import Engine
from tests.activator.raw import connect, post


async def get(world: World, after: str = "", wait: str = "0") -> dict[str, Any]:
    async with world.client.get(f"{world.admin}/held", params={"after": after, "wait": wait}) as answer:
        assert answer.status == 200
        report: dict[str, Any] = await answer.json()
        return report


async def test_the_answer_comes_when_something_is_held(world: World, engine: Engine) -> None:
    await world.asleep()
    first = await get(world, wait="30")
    assert first["held"] == {}
    question = asyncio.create_task(get(world, first["version"], "30"))
    await asyncio.sleep(0.05)
    assert not question.done()
    asked = asyncio.create_task(world.client.post(world.url, data=b"x"))
    second = await question
    assert second["held"] == {"team-a/llama": 1}
    assert second["version"] != first["version"]
    question = asyncio.create_task(get(world, second["version"], "30"))
    await world.awake(engine.port)
    assert (await asked).status == 200
    assert (await question)["held"] == {}


async def test_without_news_it_waits_no_longer_than_asked(world: World) -> None:
    first = await get(world)
    assert await get(world, first["version"], "0.05") == first


async def test_another_process_answers_at_once(world: World, start: Start) -> None:
    before = await get(world)
    restarted = await start()
    answer = await asyncio.wait_for(get(restarted, before["version"], "30"), 10)
    assert answer["version"] != before["version"]


@pytest.mark.parametrize(("wait", "status"), [("", 400), ("soon", 400), ("nan", 200), ("-1", 200)])
async def test_a_wait_that_is_none(world: World, wait: str, status: int) -> None:
    version = (await get(world))["version"]
    async with world.client.get(f"{world.admin}/held", params={"after": version, "wait": wait}) as answer:
        assert answer.status == status


async def test_many_changes_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "COALESCE_S", 0.2)
    counts = {("a", "b"): 0}
    report = HeldReport(counts)
    version = (await report.read("", 0))["version"]
    seen: list[int] = []
    for number in range(1, 101):
        counts["a", "b"] = number
        report.changed(("a", "b"))
        await asyncio.sleep(0)
    while counts["a", "b"] != (seen or [0])[-1]:
        answer = await report.read(version, 5)
        version = answer["version"]
        seen.append(answer["held"]["a/b"])
    assert len(seen) <= 2
    assert (await report.read(version, 0.4))["held"] == {"a/b": 100}
    assert report._number <= 2


async def test_it_is_ready_once_the_doors_are_open(start: Start) -> None:
    world = await start(Options(namespaces=("team-a", "team-b")))
    assert world.slices.calls["list"] == 2
    async with world.client.get(f"{world.admin}/readyz") as answer:
        assert answer.status == 200
    world.activator._unlisted.add("team-c")
    world.slices.put(door_slice(world.key, world.port))
    await until(lambda: not world.activator.ready)
    async with world.client.get(f"{world.admin}/readyz") as answer:
        assert answer.status == 503
    async with world.client.get(f"{world.admin}/healthz") as answer:
        assert answer.status == 200


async def test_metrics_name_what_the_chart_and_the_docs_name(world: World, engine: Engine) -> None:
    await world.asleep()
    client = await connect(world.port)
    await client.send(post(b"x"))
    await until(lambda: world.held == 1)
    async with world.client.get(f"{world.admin}/metrics") as answer:
        text = await answer.text()
    assert 'modelberth_activator_held{name="llama",namespace="team-a"} 1.0' in text
    assert 'modelberth_activator_woken_total{name="llama",namespace="team-a"} 1.0' in text
    for name in ("wake_seconds_bucket", "requests_total{", "bytes_total{", "port_conflicts_total"):
        assert f"\nmodelberth_activator_{name}" in text
    await world.awake(engine.port)
    assert await client.status() == 200


async def test_a_model_that_is_gone_has_no_metrics(world: World, engine: Engine) -> None:
    await world.asleep()
    client = await connect(world.port)
    await client.send(post(b"x"))
    await until(lambda: world.held == 1)
    await world.awake(engine.port)
    assert await client.status() == 200
    world.slices.delete(*world.slices.objects.copy().values())
    labels = {"namespace": "team-a", "name": "llama"}
    metrics = world.activator._metrics.registry
    await until(lambda: metrics.get_sample_value("modelberth_activator_woken_total", labels) is None)
