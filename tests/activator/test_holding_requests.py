"""Requests that come while no pod is ready."""

import asyncio
import json

from tests.activator.conftest import World, until
from tests.activator.engine import Engine


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
