"""The operator as it runs, on a fake API server and hub: watch -> store -> queue -> reconciler."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from modelberth.api.meta import GROUP, KIND
from modelberth.manifests.settings import Settings
from modelberth.ports.kube import KubeApi
from modelberth.reconcile.activator_ports import ActivatorPorts
from modelberth.reconcile.downloads import Downloads
from modelberth.reconcile.errands import Errands
from modelberth.reconcile.lookups import Lookups
from modelberth.reconcile.prefetch import Prefetch
from modelberth.reconcile.readings import Readings
from modelberth.reconcile.reconciler import Reconciler, World
from modelberth.reconcile.sizing import Sizing
from modelberth.reconcile.sources import Sources
from modelberth.reconcile.upgrades import Upgrades
from modelberth.runtime.metrics import Metrics
from modelberth.runtime.queue import Queue
from modelberth.runtime.resync import prime
from modelberth.runtime.store import Store
from modelberth.runtime.watch import Watch
from modelberth.scaling.scaler import Scaler

from .activators import FakeActivators
from .clock import VirtualLoop, moment
from .engine_metrics import FakeEngineMetrics
from .fetchers import FakeFetchers
from .hub import FakeHub
from .kube import FakeKube, Raw
from .pods import Workload
from .resources import KEY, NAME, NAMESPACE

MOMENT_S = 0.01
"""The loop's time moves only when there is nothing left to do: after a moment of it everything has settled."""

Told = tuple[str, str, Raw]


@dataclass
class Operator:
    """One operator process."""

    store: Store
    queue: Queue
    reconciler: Reconciler
    lookups: Lookups
    watch: Watch
    scaler: Scaler

    async def stop(self) -> None:
        await self.queue.close()
        await self.lookups.close()


@dataclass
class Cluster:
    """Drive it: create and change things, ``await settle()``, look at ``kube``."""

    kube: FakeKube = field(default_factory=FakeKube)
    hub: FakeHub = field(default_factory=FakeHub)
    engines: FakeEngineMetrics = field(default_factory=FakeEngineMetrics)
    fetchers: FakeFetchers = field(default_factory=FakeFetchers)
    activators: FakeActivators = field(default_factory=FakeActivators)
    activated: bool = True
    """Whether this installation has activators."""
    settings: Settings = field(default_factory=Settings)
    held: list[Told] | None = None
    """What the watches have to tell yet, while they are held; None while they tell at once."""

    def __post_init__(self) -> None:
        self.kube.listener = self._hear
        self.operator = self._operator()

    def _operator(self) -> Operator:
        store = Store()
        lookups = Lookups(self.hub, lambda key: queue.add(key))
        sources = Sources(self.kube, store, lookups, self.settings)
        readings = Readings(self.engines, lambda key: queue.add(key))
        metrics = Metrics()
        scaler = Scaler(self.engines, self.activators.held, lambda key: queue.add(key), metrics)
        sizing = Sizing(scaler, self.activators if self.activated else None, ActivatorPorts(store))
        upgrades = Upgrades(self.settings.upgrade.max_parallel, lambda key: queue.add(key))
        world = World(
            kube=self.kube,
            view=store,
            sources=sources,
            readings=readings,
            sizing=sizing,
            downloads=Downloads(self.fetchers, lambda key: queue.add(key)),
            prefetch=Prefetch(Errands(self.kube, store), self.settings),
            upgrades=upgrades,
            settings=self.settings,
            now=self.now,
            instance="operator-0",
        )
        reconciler = Reconciler(world)
        queue = Queue(reconciler.reconcile, metrics)
        return Operator(store, queue, reconciler, lookups, Watch(store, queue.add, lambda kind: None), scaler)

    def now(self) -> str:
        return moment()

    def _hear(self, kind: str, event: str, raw: Raw) -> None:
        if self.held is None:
            # A watch is never quicker than the answer to the write itself.
            asyncio.get_running_loop().call_soon(self.operator.watch.seen, kind, event, raw)
        else:
            self.held.append((kind, event, raw))

    def hold(self) -> None:
        """The watches fall behind."""
        self.held = []

    async def release(self, order: Callable[[list[Told]], list[Told]] = list) -> None:
        """The watches tell what they held, in the order that ``order`` makes of it."""
        told, self.held = self.held or [], None
        for kind, event, raw in order(told):
            self.operator.watch.seen(kind, event, raw)
        await self.settle()

    async def restart(self) -> None:
        """Another operator takes over: it lists, and looks at everything."""
        await self.operator.stop()
        self.operator = self._operator()
        await prime(cast(KubeApi, self.kube), self.operator.store, [])
        for key in self.operator.store.resources():
            self.operator.queue.add(key)
        await self.settle()

    async def settle(self, seconds: float = MOMENT_S) -> None:
        """Everything that can happen now has happened; or within ``seconds``."""
        await asyncio.sleep(seconds)

    # --- users and controllers ---

    def hub_takes(self, seconds: float) -> None:
        """Every answer of the hub takes so long."""
        cast(VirtualLoop, asyncio.get_running_loop()).thread_s = seconds

    async def create(self, resource: Raw) -> None:
        self.kube.put(KIND, resource)
        await self.settle()

    async def change(self, name: str = NAME, **spec: Any) -> None:
        """A user changes fields of the spec."""
        self.kube.edit(KIND, NAMESPACE, name, lambda raw: raw["spec"].update(spec))
        await self.settle()

    async def annotate(self, name: str = NAME, **annotations: str) -> None:
        """A user annotates the resource; the names are of our group."""
        given = {f"{GROUP}/{key}": value for key, value in annotations.items()}
        self.kube.edit(KIND, NAMESPACE, name, lambda raw: raw["metadata"].setdefault("annotations", {}).update(given))
        await self.settle()

    def workload(self, name: str = NAME) -> Workload:
        return Workload(self.kube, NAMESPACE, name)

    async def serve(self, name: str = NAME) -> None:
        """The pods come up and answer."""
        self.workload(name).serve()
        await self.settle()

    async def serving(self, resource: Raw) -> None:
        """Created and answering; writes count from here."""
        await self.create(resource)
        await self.serve(resource["metadata"]["name"])
        await self.settle(60)
        self.kube.forget_writes()
        self.hub.asked.clear()

    # --- what came of it ---

    def resource(self, name: str = NAME) -> Raw:
        return self.kube.objects[KIND, NAMESPACE, name]

    def child(self, kind: str, name: str = NAME) -> Raw | None:
        return self.kube.objects.get((kind, NAMESPACE, name))

    @property
    def deployment(self) -> Raw:
        return self.kube.objects["Deployment", NAMESPACE, NAME]

    @property
    def status(self) -> Raw:
        return cast(Raw, self.resource().get("status") or {})

    def condition(self, kind: str) -> Raw:
        """One condition; empty while it was not written."""
        return next((one for one in self.status.get("conditions") or [] if one["type"] == kind), {})

    def state(self, kind: str = "Ready") -> tuple[str, str]:
        """status and reason of a condition."""
        one = self.condition(kind)
        return one.get("status", ""), one.get("reason", "")

    def wake(self) -> None:
        """The resource is looked at, for whatever reason."""
        self.operator.queue.add(KEY)
