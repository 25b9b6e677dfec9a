"""Puts the activator together and runs it: watches, doors, admin server, and an end without a broken answer."""

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import aiohttp

from modelberth.activator.admin import serve_admin
from modelberth.activator.backends import Backends
from modelberth.activator.connection import Crowd
from modelberth.activator.doors import AGAIN_S, Doors
from modelberth.activator.forwarding import session
from modelberth.activator.held import HeldReport
from modelberth.activator.holding import Holding, Limits
from modelberth.activator.known import Known
from modelberth.activator.metrics import ActivatorMetrics
from modelberth.activator.reception import Reception
from modelberth.activator.wakes import Wakes
from modelberth.manifests.names import OWNER_LABEL
from modelberth.ports.kube import KubeApi
from modelberth.ports.watching import Listed, Watchable, watching

log = logging.getLogger(__name__)

ENDPOINT_S = 60.0
"""Longest wait for the operator to take this pod out of all slices. It may be down."""
PROPAGATION_S = 5.0
"""Then kube-proxies may still send connections: they sync once a second, and busy ones take longer."""
LOOK_S = 0.2


@dataclass(frozen=True)
class Options:
    """How this process runs."""

    port: int = 8081
    """Of the admin server."""
    limits: Limits = field(default_factory=Limits)
    namespaces: tuple[str, ...] = ()
    """Empty: the whole cluster."""
    host: str | None = None
    """Address that doors listen on; None: all."""


async def run(options: Options) -> None:
    """Runs until SIGTERM or SIGINT, and then until all requests are answered. Raises ApiError: no cluster is known."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _many_files()
    async with KubeApi() as kube, session() as client:
        await Activator(options, client).work(kube, stop)


class Activator:
    """One process' state."""

    def __init__(self, options: Options, client: aiohttp.ClientSession) -> None:
        self._options = options
        self._holding = Holding(options.limits)
        self._report = HeldReport(self._holding.held)
        self._holding.changed = self._report.changed
        self._metrics = ActivatorMetrics(self._holding.held)
        self._backends = Backends()
        reception = Reception(self._backends, self._holding, client, self._metrics, Wakes(self._metrics))
        crowd = Crowd(options.limits, self._metrics.rejected)
        self.doors = Doors(reception.serve, crowd, self._metrics.port_conflict, options.host)
        self._known = Known()
        self._news = asyncio.Event()
        self._unlisted: set[str | None] = set(options.namespaces) or {None}
        self._settled = False
        self._stopping = False

    @property
    def ready(self) -> bool:
        """All doors are open, and this process is to stay."""
        return self._settled and not self._stopping

    async def work(self, kube: Watchable, stop: asyncio.Event) -> None:
        """Serves until ``stop`` is set, and then until nobody is left to serve."""
        async with AsyncExitStack() as stack:
            runner = await serve_admin(self._options.port, self._metrics.registry, self._report, lambda: self.ready)
            stack.push_async_callback(runner.cleanup)
            stack.callback(self.doors.close)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._feed(kube, scope)) for scope in sorted(self._unlisted, key=str)]
                tasks.append(group.create_task(self._settle()))
                await stop.wait()
                await self._drain()
                for task in tasks:
                    task.cancel()

    async def _feed(self, kube: Watchable, scope: str | None) -> None:
        async for seen in watching(kube, "EndpointSlice", scope, OWNER_LABEL):
            if isinstance(seen, Listed):
                self._known.listed(scope, seen.objects)
                self._unlisted.discard(scope)
            else:
                self._known.changed(seen.object, seen.gone)
            self._news.set()

    async def _settle(self) -> None:
        """Brings doors and backends in line with what is known; many changes at once are one."""
        models: set[tuple[str, str]] = set()
        while True:
            await self._news.wait()
            self._news.clear()
            since = self._known.since()
            self._backends.update(self._known.ready(), since.keys())
            self._metrics.forget(models - since.keys())
            models = set(since)
            if not await self.doors.update(self._known.doors(), since):
                asyncio.get_running_loop().call_later(AGAIN_S, self._news.set)
            self._settled = not self._unlisted

    async def _drain(self) -> None:
        """New connections are served, too, as long as they may come."""
        self._stopping = True
        log.info("stopping: %s connections are open", len(self.doors.connections))
        own = _own_addresses()
        try:
            async with asyncio.timeout(ENDPOINT_S):
                await _until(lambda: not any(own & door.addresses for door in self._known.doors()))
        except TimeoutError:
            log.warning("slices still lead here: is the operator down?")
        await asyncio.sleep(PROPAGATION_S)
        await _until(lambda: all(connection.idle for connection in self.doors.connections))


async def _until(true: Callable[[], bool]) -> None:
    # Asked a few times a second, once in the life of a process.
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(LOOK_S)


def _own_addresses() -> set[str]:
    """The pod's addresses: the kubelet writes them into /etc/hosts under its host name."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        return set()


def _many_files() -> None:
    """Every connection and every door is a file, and container runtimes start processes with as few as 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # "Unlimited" is refused by the kernel.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
