"""What the activator's processes hold, as the operator hears it: it asks each, and each answers when that changes."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from modelberth.ports.kube import Raw
from modelberth.ports.watching import Listed, Watchable, watching

log = logging.getLogger(__name__)

PORT = 8081
SERVICE_NAME = "kubernetes.io/service-name"
"""Label of slices: the Service that they belong to."""
WAIT_S = 3.0
"""Longest time that a process without news keeps us waiting for its answer."""
TIMEOUT_S = 5.0
"""A process that has not answered for so long holds nothing, as far as we know."""
BACKOFF_S = 0.1
MAX_BACKOFF_S = 1.0
MAX_BYTES = 4 << 20

Key = tuple[str, str]
"""namespace, name of a ModelDeployment"""


@dataclass(frozen=True, order=True)
class Peer:
    """An activator pod that takes requests."""

    ip: str
    node: str | None = field(compare=False, default=None)


class Activators:
    """``held_changed(key)`` and ``peers_changed()`` are called from the event loop, after the change."""

    def __init__(
        self,
        kube: Watchable,
        service: str,
        namespace: str,
        held_changed: Callable[[Key], None],
        peers_changed: Callable[[], None],
    ) -> None:
        self._kube = kube
        self._service = service
        self._namespace = namespace
        self._held_changed = held_changed
        self._peers_changed = peers_changed
        self._slices: dict[str, Raw] = {}
        self._addresses: tuple[Peer, ...] = ()
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._held: dict[str, Mapping[Key, int]] = {}
        self.known = asyncio.Event()
        """Set when it was heard once which processes there are."""

    @property
    def addresses(self) -> tuple[Peer, ...]:
        """The ready ones, sorted."""
        return self._addresses

    def held(self, key: Key) -> int:
        """Requests for the model that wait, over all processes."""
        return sum(held.get(key, 0) for held in self._held.values())

    async def run(self) -> None:
        """For ever, until it is cancelled."""
        async with _session() as session:
            try:
                selector = f"{SERVICE_NAME}={self._service}"
                async for seen in watching(self._kube, "EndpointSlice", self._namespace, selector):
                    if isinstance(seen, Listed):
                        self._slices = {raw["metadata"]["name"]: raw for raw in seen.objects}
                    elif seen.gone:
                        self._slices.pop(seen.object["metadata"]["name"], None)
                    else:
                        self._slices[seen.object["metadata"]["name"]] = seen.object
                    self._follow(session)
                    self.known.set()
            finally:
                tasks = list(self._polls.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._polls.clear()

    def _follow(self, session: aiohttp.ClientSession) -> None:
        """Asks those that are there, forgets those that are not."""
        every, ready = peers(self._slices.values())
        for ip in self._polls.keys() - every:
            self._polls.pop(ip).cancel()
            self._tell(ip, {})
        for ip in every - self._polls.keys():
            self._polls[ip] = asyncio.create_task(self._poll(session, ip))
        if ready != self._addresses:
            self._addresses = ready
            self._peers_changed()

    async def _poll(self, session: aiohttp.ClientSession, ip: str) -> None:
        version, pause = "", BACKOFF_S
        until = _now() + TIMEOUT_S
        while True:
            try:
                async with asyncio.timeout_at(until):
                    version, held = await _ask(session, ip, version)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                log.debug("activator %s did not answer: %r", ip, error)
                if _now() >= until:
                    version, until = "", _now() + TIMEOUT_S
                    self._tell(ip, {})
                await asyncio.sleep(pause)
                pause = min(pause * 2, MAX_BACKOFF_S)
            else:
                pause, until = BACKOFF_S, _now() + TIMEOUT_S
                self._tell(ip, held)

    def _tell(self, ip: str, held: Mapping[Key, int]) -> None:
        before = self._held.get(ip, {})
        if held:
            self._held[ip] = held
        else:
            self._held.pop(ip, None)
        for key in sorted(before.keys() | held.keys()):
            if before.get(key) != held.get(key):
                self._held_changed(key)


def peers(slices: Iterable[Raw]) -> tuple[set[str], tuple[Peer, ...]]:
    """Addresses of all processes, and those that are ready.

    One that is told to stop is neither ready nor serving, and may still hold requests: all are asked. A pod of two
    families has an address of each; the first family that there is stands for it.
    """
    every: set[str] = set()
    ready: set[Peer] = set()
    given = sorted(slices, key=lambda raw: str(raw["addressType"]))
    family = next((raw["addressType"] for raw in given if raw.get("endpoints")), None)
    for raw in given:
        if raw["addressType"] != family:
            continue
        for endpoint in raw.get("endpoints") or ():
            every.add(endpoint["addresses"][0])
            # Unknown is ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                ready.add(Peer(endpoint["addresses"][0], endpoint.get("nodeName")))
    return every, tuple(sorted(ready))


def read_report(text: bytes) -> tuple[str, dict[Key, int]]:
    """Version, and what is held by model. Raises ValueError where it is no report."""
    report: Any = json.loads(text)
    try:
        held = {_key(name): count for name, count in report["held"].items()}
        version = report["version"]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError("no report of an activator") from error
    if not isinstance(version, str) or not all(type(count) is int and count > 0 for count in held.values()):
        raise ValueError("no report of an activator")
    return version, held


def _key(name: str) -> Key:
    namespace, slash, model = name.partition("/")
    if not (namespace and slash and model):
        raise ValueError(f"no model: {name[:100]!r}")
    return namespace, model


async def _ask(session: aiohttp.ClientSession, ip: str, version: str) -> tuple[str, dict[Key, int]]:
    url = f"http://{f'[{ip}]' if ':' in ip else ip}:{PORT}/held"
    query = {"after": version, "wait": str(WAIT_S)}
    async with session.get(url, params=query, allow_redirects=False) as answer:
        if answer.status != 200:
            raise ValueError(f"HTTP {answer.status}")
        content = bytearray()
        async for part in answer.content.iter_any():
            content += part
            if len(content) > MAX_BYTES:
                raise ValueError("more than can be a report")
        return read_report(bytes(content))


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None))


def _now() -> float:
    return asyncio.get_running_loop().time()
