"""Puts the operator together and runs it: server, lease, and for the leader store, queue, watches, resync."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from modelberth.api.meta import KIND
from modelberth.manifests.names import PROGRESS_PORT
from modelberth.manifests.settings import Settings
from modelberth.ports.activators import Activators
from modelberth.ports.engine_metrics import EngineMetrics, HttpEngineMetrics
from modelberth.ports.fetch_progress import MAX_CHARACTERS, HttpFetchProgress
from modelberth.ports.hub import HuggingFaceHub
from modelberth.ports.kube import KubeApi
from modelberth.reconcile.activator_ports import ActivatorPorts
from modelberth.reconcile.downloads import Downloads
from modelberth.reconcile.errands import Errands
from modelberth.reconcile.lookups import Lookups
from modelberth.reconcile.prefetch import Prefetch
from modelberth.reconcile.readings import Readings
from modelberth.reconcile.reconciler import Reconciler, World
from modelberth.reconcile.remembered import Remembered
from modelberth.reconcile.sizing import Sizing
from modelberth.reconcile.sources import Sources
from modelberth.reconcile.upgrades import Upgrades
from modelberth.runtime.leader import Lease, lead
from modelberth.runtime.memory import trimmer
from modelberth.runtime.metrics import Metrics
from modelberth.runtime.plan_errors import PlanErrors
from modelberth.runtime.queue import Queue
from modelberth.runtime.replicas import Replicas
from modelberth.runtime.resync import keep_in_sync, prime
from modelberth.runtime.server import serve
from modelberth.runtime.states import States
from modelberth.runtime.store import Key, Raw, Store, owner_key
from modelberth.runtime.watch import Watch
from modelberth.scaling.scaler import Scaler
from modelberth.webhook.options import WebhookOptions

log = logging.getLogger(__name__)

LEASE_NAME = "modelberth"
PATIENCE_S = 30.0
"""Seconds that a new leader waits for the list of activators before it serves without them."""


@dataclass(frozen=True)
class Options:
    """How this process runs, as opposed to what it makes (Settings)."""

    port: int
    namespace: str
    """Namespace of the Lease: the operator's own."""
    webhook: WebhookOptions | None = None
    activator: str | None = None
    """Name of the activators' headless Service, beside the Lease; None: models are never scaled to zero."""
    scale_interval_s: float = 10.0
    """Seconds between two looks at the load."""


class LeaseLostError(RuntimeError):
    """Another replica leads now: this process must end, since half of it would go on."""


async def run(settings: Settings, options: Options) -> None:
    """Runs until SIGTERM or SIGINT. Raises LeaseLostError when another replica took over."""
    metrics = Metrics()
    identity = os.environ.get("POD_NAME") or socket.gethostname()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with (
        KubeApi(metrics.called) as kube,
        HttpEngineMetrics() as engines,
        HttpEngineMetrics(parallel=16, max_bytes=MAX_CHARACTERS) as fetchers,
    ):
        lookups = Lookups(HuggingFaceHub(settings.hub.endpoint))
        replica = Replica(kube, engines, fetchers, lookups, settings, metrics, identity, options)
        server = await serve(options.port, metrics.registry)
        try:
            async with _webhook(replica, options):
                lease = Lease(LEASE_NAME, options.namespace, f"{identity}-{os.getpid()}")
                leading = asyncio.create_task(lead(kube.client, lease, lambda: replica.work(stop)))
                stopped = asyncio.create_task(stop.wait())
                # A replica that only waits for the lease stops at once; one that leads stops by its own work ending.
                await asyncio.wait({leading, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not leading.done() and not metrics.leads:
                    leading.cancel()
                    return
                if not await leading:
                    raise LeaseLostError("the lease was lost: another replica leads")
        finally:
            await server.cleanup()
            await lookups.close()


@asynccontextmanager
async def _webhook(replica: "Replica", options: Options) -> AsyncIterator[None]:
    if options.webhook is None:
        yield
        return
    # Imported here: most installations run without it and its 9 MiB.
    from modelberth.planner.planning import plan
    from modelberth.webhook.admission import Admission
    from modelberth.webhook.metrics import WebhookMetrics
    from modelberth.webhook.service import serving

    facts = Remembered(replica.lookups)
    admission = Admission(replica.settings, facts, plan, WebhookMetrics(replica.metrics.registry))
    async with serving(options.webhook, options.namespace, replica.kube, admission):
        yield


@dataclass(frozen=True)
class Replica:
    """What this process works with, leading or not."""

    kube: KubeApi
    engines: EngineMetrics
    fetchers: EngineMetrics
    """The same for fetchers: silent ones must not take the places of the engines."""
    lookups: Lookups
    settings: Settings
    metrics: Metrics
    identity: str
    options: Options

    async def work(self, stop: asyncio.Event) -> None:
        """Leads: serves every ModelDeployment until ``stop`` is set."""
        self.metrics.leading(True)
        store = Store()
        readings = Readings(self.engines, lambda key: queue.add(key), self.metrics.engine_read)
        sources = Sources(self.kube, store, self.lookups, self.settings)
        activators = self._activators(lambda key: scaler.held_changed(key), lambda: _look_at(sleepers(store), queue))
        held = activators.held if activators else _holds_nothing
        scaler = Scaler(self.engines, held, lambda key: queue.add(key), self.metrics)
        sizing = Sizing(scaler, activators, ActivatorPorts(store))
        upgrades = Upgrades(self.settings.upgrade.max_parallel, lambda key: queue.add(key))
        downloads = Downloads(HttpFetchProgress(self.fetchers, PROGRESS_PORT), lambda key: queue.add(key))
        world = World(
            kube=self.kube,
            view=store,
            sources=sources,
            readings=readings,
            sizing=sizing,
            downloads=downloads,
            prefetch=Prefetch(Errands(self.kube, store), self.settings),
            upgrades=upgrades,
            settings=self.settings,
            now=_now,
            instance=self.identity,
        )
        queue: Queue = Queue(Reconciler(world).reconcile, self.metrics)
        self.lookups.wake = queue.add
        self.metrics.registry.register(PlanErrors(store))
        self.metrics.registry.register(Replicas(store))
        self.metrics.registry.register(States(store))
        namespaces = self.settings.watch_namespaces
        await prime(self.kube, store, namespaces)
        following = [asyncio.create_task(activators.run())] if activators else []
        if activators:
            await _heard(activators)
        _look_at(store.resources(), queue)
        stale = asyncio.Event()
        # What goes between the lists above and the beginning of the watches is seen by neither.
        stale.set()
        tasks = [
            *following,
            asyncio.create_task(scaler.run(self.options.scale_interval_s)),
            asyncio.create_task(keep_in_sync(self.kube, store, namespaces, queue.add, stale)),
            asyncio.create_task(_report(store, self.metrics)),
        ]

        def watch_restarted(kind: str) -> None:
            self.metrics.watch_restarted(kind)
            stale.set()

        try:
            await Watch(store, queue.add, watch_restarted).run(namespaces, stop)
        finally:
            for task in tasks:
                task.cancel()
            await queue.close()
            await readings.close()
            await downloads.close()
            upgrades.close()
            await scaler.close()
            self.metrics.leading(False)

    def _activators(self, held_changed: Callable[[Key], None], peers_changed: Callable[[], None]) -> Activators | None:
        service = self.options.activator
        return Activators(self.kube, service, self.options.namespace, held_changed, peers_changed) if service else None


async def _heard(activators: Activators) -> None:
    """Waits until it is known which activators there are: else every model at zero would lose its way to them."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await activators.known.wait()
    except TimeoutError:
        log.warning("the activators' EndpointSlices cannot be read: models at zero answer nobody until they can")


def _holds_nothing(_: Key) -> int:
    return 0


def sleepers(store: Store) -> list[Key]:
    """The ModelDeployments whose Services lead to the activators, or should."""
    behind = {owner_key(raw) for raw in store.all("EndpointSlice")}
    return [key for key in store.resources() if key in behind or _may_sleep(store.get(KIND, *key) or {})]


def _may_sleep(resource: Raw) -> bool:
    return ((resource.get("spec") or {}).get("autoscaling") or {}).get("minReplicas") == 0


def _look_at(keys: list[Key], queue: Queue) -> None:
    for key in keys:
        queue.add(key)


async def _report(store: Store, metrics: Metrics) -> None:
    trim = trimmer()
    while True:
        metrics.objects(store.count())
        trim()
        await asyncio.sleep(10)


def _now() -> str:
    # Microseconds: an Event's eventTime is a MicroTime.
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
