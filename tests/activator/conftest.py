"""An activator on real sockets of this machine, with slices that the test writes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import aiohttp
import pytest

from modelberth.activator import run as module
from modelberth.activator.connection import OPTIONS
from modelberth.activator.forwarding import session
from modelberth.activator.run import Activator, Options
from tests.activator.api import FakeSlices, door_slice, pod_slice
from tests.activator.engine import Engine, free_port, running

KEY = ("team-a", "llama")


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits for something that must become true."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@dataclass
class World:
    """``key`` sleeps behind ``port``."""

    slices: FakeSlices
    activator: Activator
    options: Options
    client: aiohttp.ClientSession
    """Of a client of the model."""
    forwarding: aiohttp.ClientSession
    key: tuple[str, str] = KEY
    port: int = field(default_factory=free_port)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    work: "asyncio.Task[None] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self) -> str:
        return f"http://127.0.0.1:{self.options.port}"

    @property
    def held(self) -> int:
        return self.activator._holding.held.get(self.key, 0)

    async def asleep(self, **notes: str) -> None:
        """There is a door and no pod."""
        self.slices.put(door_slice(self.key, self.port, **notes), pod_slice(self.key))
        await until(lambda: self.port in self.activator.doors.ports)

    async def awake(self, *ports: int) -> None:
        """There are pods on these ports."""
        self.slices.put(*(pod_slice(self.key, port) for port in ports))
        await until(lambda: len(self.activator._backends._ready.get(self.key, ())) == len(ports))

    def metric(self, name: str, /, **labels: str) -> float:
        value = self.activator._metrics.registry.get_sample_value(f"modelberth_activator_{name}", labels)
        return value or 0.0

    def nothing_left(self) -> bool:
        """No request holds a place or a byte."""
        holding = self.activator._holding
        return not holding.held and holding.held_bytes() == 0 and not holding._bytes


class Start(Protocol):
    async def __call__(self, options: Options | None = None) -> World: ...


@pytest.fixture
async def start(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    monkeypatch.setattr(module, "PROPAGATION_S", 0.05)
    monkeypatch.setitem(OPTIONS, "lingering_time", 0.2)
    worlds: list[World] = []

    async def begin(options: Options | None = None) -> World:
        options = replace(options or Options(), port=free_port(), host="127.0.0.1")
        forwarding = session()
        client = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))
        world = World(FakeSlices(), Activator(options, forwarding), options, client, forwarding)
        world.work = asyncio.create_task(world.activator.work(world.slices, world.stop))
        worlds.append(world)
        await until(lambda: world.activator.ready)
        return world

    yield begin
    for world in worlds:
        await world.client.close()
        if world.work and not world.work.done():
            world.work.cancel()
            await asyncio.gather(world.work, return_exceptions=True)
        await world.forwarding.close()


@pytest.fixture
async def world(start: Start) -> World:
    return await start()


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running(Engine()) as made:
        yield made
