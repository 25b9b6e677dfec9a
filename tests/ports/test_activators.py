"""What the operator hears of activators: real HTTP servers on addresses of this machine."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from modelberth.ports import activators as module
from modelberth.ports import watching
from modelberth.ports.activators import Activators, Key, Peer, peers, read_report

Raw = dict[str, Any]
LLAMA, QWEN = ("a", "llama"), ("b", "qwen")


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Process:
    """An activator as its admin port shows it."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self.news = asyncio.Event()
        self.version = 0
        self.silent = False
        self.runner: web.AppRunner | None = None

    async def start(self, ip: str) -> None:
        app = web.Application()
        app.add_routes([web.get("/held", self.answer)])
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self.runner.setup()
        await web.TCPSite(self.runner, ip, module.PORT).start()

    async def stop(self) -> None:
        if self.runner:
            await self.runner.cleanup()

    def says(self, **held: int) -> None:
        self.held = {name.replace("_", "/"): count for name, count in held.items()}
        self.version += 1
        self.news.set()
        self.news = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if self.silent:
            await asyncio.sleep(60)
        if request.query["after"] == str(self.version):
            with suppress(TimeoutError):
                async with asyncio.timeout(float(request.query["wait"])):
                    await self.news.wait()
        return web.json_response({"version": str(self.version), "held": self.held})


class Slices:
    """The headless Service's slices."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[Raw] = asyncio.Queue()

    async def pages(self, kind: str, namespace: str | None, selector: str) -> AsyncIterator[Raw]:
        assert (kind, namespace, selector) == ("EndpointSlice", "system", "kubernetes.io/service-name=activator")
        yield {"metadata": {"resourceVersion": "1"}, "items": []}

    async def watch(self, kind: str, namespace: str | None, selector: str, version: str) -> AsyncIterator[Raw]:
        while True:
            yield await self.news.get()

    def put(self, *endpoints: Raw) -> None:
        self.news.put_nowait({"type": "MODIFIED", "object": endpoint_slice(*endpoints)})


def endpoint(ip: str, **conditions: bool) -> Raw:
    return {"addresses": [ip], "conditions": conditions, "nodeName": f"node-of-{ip}"}


def endpoint_slice(*endpoints: Raw, family: str = "IPv4") -> Raw:
    return {
        "metadata": {"name": f"activator-{family}", "resourceVersion": "2"},
        "addressType": family,
        "endpoints": list(endpoints),
    }


class World:
    def __init__(self) -> None:
        self.slices = Slices()
        self.first, self.second = Process(), Process()
        self.changes: list[Key] = []
        self.peer_changes = 0
        self.activators = Activators(self.slices, "activator", "system", self.changes.append, self._peers_changed)

    def _peers_changed(self) -> None:
        self.peer_changes += 1


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(module, "PORT", 18081)
    monkeypatch.setattr(module, "MAX_BACKOFF_S", 0.1)
    monkeypatch.setattr(watching, "BACKOFF_S", 0.01)
    world = World()
    await world.first.start("127.0.0.1")
    await world.second.start("127.0.0.2")
    task = asyncio.create_task(world.activators.run())
    yield world
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await world.first.stop()
    await world.second.stop()


async def test_all_processes_are_summed_up(world: World) -> None:
    world.slices.put(endpoint("127.0.0.1", ready=True), endpoint("127.0.0.2", ready=True))
    await until(lambda: bool(world.first.asked and world.second.asked))
    assert world.activators.addresses == (Peer("127.0.0.1"), Peer("127.0.0.2"))
    assert [peer.node for peer in world.activators.addresses] == ["node-of-127.0.0.1", "node-of-127.0.0.2"]
    assert world.peer_changes == 1
    assert world.changes == []
    world.first.says(a_llama=2)
    await until(lambda: world.activators.held(LLAMA) == 2)
    world.second.says(a_llama=1, b_qwen=4)
    await until(lambda: world.activators.held(LLAMA) == 3)
    assert world.activators.held(QWEN) == 4
    assert world.changes == [LLAMA, LLAMA, QWEN]
    world.second.says(b_qwen=4)
    await until(lambda: world.activators.held(LLAMA) == 2)
    world.first.says()
    await until(lambda: world.activators.held(LLAMA) == 0)
    assert world.changes == [LLAMA, LLAMA, QWEN, LLAMA, LLAMA]


async def test_without_news_it_asks_seldom(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.slices.put(endpoint("127.0.0.1", ready=True))
    await until(lambda: len(world.first.asked) == 2)
    await asyncio.sleep(0.3)
    assert [asked["after"] for asked in world.first.asked] == ["", "0"]
    assert 0 < float(world.first.asked[0]["wait"]) < module.TIMEOUT_S


async def test_one_that_stops_is_heard_to_its_end(world: World) -> None:
    world.first.says(a_llama=1)
    world.slices.put(endpoint("127.0.0.1", ready=True))
    await until(lambda: world.activators.held(LLAMA) == 1)
    world.slices.put(endpoint("127.0.0.1", ready=False, serving=False, terminating=True))
    await until(lambda: world.activators.addresses == ())
    assert world.peer_changes == 2
    assert world.activators.held(LLAMA) == 1
    world.first.says(a_llama=5)
    await until(lambda: world.activators.held(LLAMA) == 5)
    world.slices.put()
    await until(lambda: world.activators.held(LLAMA) == 0)
    assert world.changes == [LLAMA] * 3


@pytest.mark.parametrize("how", ["gone", "silent", "nonsense"])
async def test_one_that_does_not_answer_holds_nothing(world: World, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(module, "WAIT_S", 0.1)
    world.first.says(a_llama=1)
    world.slices.put(endpoint("127.0.0.1", ready=True))
    await until(lambda: world.activators.held(LLAMA) == 1)
    if how == "gone":
        await world.first.stop()
    elif how == "silent":
        world.first.silent = True
    else:
        world.first.says(nonsense=1)
    await until(lambda: world.activators.held(LLAMA) == 0)
    assert world.changes == [LLAMA, LLAMA]
    if how == "gone":
        await world.first.start("127.0.0.1")
    world.first.silent = False
    world.first.says(a_llama=2)
    await until(lambda: world.activators.held(LLAMA) == 2)
    assert world.changes == [LLAMA] * 3


async def test_a_short_silence_changes_nothing(world: World) -> None:
    world.first.says(a_llama=1)
    world.slices.put(endpoint("127.0.0.1", ready=True))
    await until(lambda: world.activators.held(LLAMA) == 1)
    await world.first.stop()
    await asyncio.sleep(0.3)
    assert world.activators.held(LLAMA) == 1
    asked = len(world.first.asked)
    await world.first.start("127.0.0.1")
    await until(lambda: len(world.first.asked) > asked)
    assert world.changes == [LLAMA]


@pytest.mark.parametrize(
    ("slices", "every", "ready"),
    [
        ([], set(), ()),
        ([endpoint_slice()], set(), ()),
        ([endpoint_slice(endpoint("10.0.0.2"), endpoint("10.0.0.1", ready=True))], {"10.0.0.1", "10.0.0.2"}, "12"),
        ([endpoint_slice(endpoint("10.0.0.1", ready=False))], {"10.0.0.1"}, ""),
        (
            [endpoint_slice(endpoint("fd00::1"), family="IPv6"), endpoint_slice(endpoint("10.0.0.1"))],
            {"10.0.0.1"},
            "1",
        ),
        ([endpoint_slice(endpoint("fd00::1"), family="IPv6"), endpoint_slice()], {"fd00::1"}, None),
    ],
)
def test_peers(slices: list[Raw], every: set[str], ready: str | None) -> None:
    expected = ("fd00::1",) if ready is None else tuple(f"10.0.0.{last}" for last in ready)
    found, up = peers(slices)
    assert found == every
    assert tuple(peer.ip for peer in up) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"version": 1, "held": {}}',
        b'{"version": "1", "held": []}',
        b'{"version": "1", "held": {"a": 1}}',
        b'{"version": "1", "held": {"/a": 1}}',
        b'{"version": "1", "held": {"a/b": 0}}',
        b'{"version": "1", "held": {"a/b": -1}}',
        b'{"version": "1", "held": {"a/b": true}}',
        b'{"version": "1", "held": {"a/b": "1"}}',
    ],
)
def test_what_is_no_report(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_report(text)


NAMES = st.text("abc-", min_size=1, max_size=5)


@given(held=st.dictionaries(st.tuples(NAMES, NAMES), st.integers(1, 10**6)), version=st.text())
def test_a_report_is_read_as_it_was_written(held: dict[Key, int], version: str) -> None:
    text = json.dumps({"version": version, "held": {"/".join(key): count for key, count in held.items()}})
    assert read_report(text.encode()) == (version, held)
