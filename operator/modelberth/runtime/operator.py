"""Puts the operator together and runs it: server, lease, and for the leader store, queue, watches, resync."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from modelberth.manifests.settings import Settings
from modelberth.ports.hub import HuggingFaceHub
from modelberth.ports.kube import KubeApi
from modelberth.reconcile.lookups import Lookups
from modelberth.reconcile.reconciler import Reconciler, World
from modelberth.reconcile.sources import Sources
from modelberth.runtime.leader import Lease, lead
from modelberth.runtime.memory import trimmer
from modelberth.runtime.metrics import Metrics
from modelberth.runtime.queue import Queue
from modelberth.runtime.resync import keep_in_sync, prime
from modelberth.runtime.server import serve
from modelberth.runtime.store import Store
from modelberth.runtime.watch import Watch
from modelberth.webhook.options import WebhookOptions

log = logging.getLogger(__name__)

LEASE_NAME = "modelberth"


@dataclass(frozen=True)
class Options:
    """How this process runs, as opposed to what it makes (Settings)."""

    port: int
    namespace: str
    """Namespace of the Lease: the operator's own."""
    webhook: WebhookOptions | None = None


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
    async with KubeApi(metrics.called) as kube, _webhook(kube, settings, options, metrics):
        server = await serve(options.port, metrics.registry)
        try:
            lease = Lease(LEASE_NAME, options.namespace, f"{identity}-{os.getpid()}")
            leading = asyncio.create_task(
                lead(kube.client, lease, lambda: _work(kube, settings, metrics, identity, stop))
            )
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


@asynccontextmanager
async def _webhook(kube: KubeApi, settings: Settings, options: Options, metrics: Metrics) -> AsyncIterator[None]:
    if options.webhook is None:
        yield
        return
    # Imported here: most installations run without it and its 9 MiB.
    from modelberth.planner.planning import plan
    from modelberth.webhook.admission import Admission
    from modelberth.webhook.facts import HubFacts
    from modelberth.webhook.metrics import WebhookMetrics
    from modelberth.webhook.service import serving

    facts = HubFacts(HuggingFaceHub(settings.hub.endpoint))
    admission = Admission(settings, facts, plan, WebhookMetrics(metrics.registry))
    async with serving(options.webhook, options.namespace, kube, admission):
        yield
    await facts.close()


async def _work(kube: KubeApi, settings: Settings, metrics: Metrics, instance: str, stop: asyncio.Event) -> None:
    metrics.leading(True)
    store = Store()
    lookups = Lookups(HuggingFaceHub(settings.hub.endpoint), lambda key: queue.add(key))
    world = World(kube, store, Sources(kube, store, lookups, settings), settings, _now, instance)
    queue = Queue(Reconciler(world).reconcile, metrics)
    await prime(kube, store, settings.watch_namespaces)
    for key in store.resources():
        queue.add(key)
    tasks = [
        asyncio.create_task(keep_in_sync(kube, store, settings.watch_namespaces, queue.add)),
        asyncio.create_task(_report(store, metrics)),
    ]
    try:
        await Watch(store, queue.add, metrics.watch_restarted).run(settings.watch_namespaces, stop)
    finally:
        for task in tasks:
            task.cancel()
        await queue.close()
        await lookups.close()
        metrics.leading(False)


async def _report(store: Store, metrics: Metrics) -> None:
    trim = trimmer()
    while True:
        metrics.objects(store.count())
        trim()
        await asyncio.sleep(10)


def _now() -> str:
    # Microseconds: an Event's eventTime is a MicroTime.
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
