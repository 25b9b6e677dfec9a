"""What the activator reports about itself, as Prometheus metrics."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from modelberth.activator.slices import Key

OUTCOMES = ("forwarded", "answered", "rejected", "timeout", "gone", "failed")


class ActivatorMetrics:
    """One registry per process, so that tests can have their own."""

    def __init__(self, held: Mapping[Key, int]) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        registry.register(_Held(held))
        self._woken = Counter(
            "modelberth_activator_woken",
            "Times that a request came while nothing was held and no pod was ready.",
            ["namespace", "name"],
            registry=registry,
        )
        self.wake_seconds = Histogram(
            "modelberth_activator_wake_seconds",
            "From the first request that is held to the first that is forwarded.",
            buckets=(1, 2, 5, 10, 20, 40, 60, 90, 120, 180, 300, 600),
            registry=registry,
        )
        self._rejected = Counter(
            "modelberth_activator_rejected", "Requests and connections over a bound.", ["reason"], registry=registry
        )
        self._requests = Counter(
            "modelberth_activator_requests", "Requests by how they ended.", ["outcome"], registry=registry
        )
        self._bytes = Counter(
            "modelberth_activator_bytes", "Bytes of bodies that passed.", ["direction"], registry=registry
        )
        self._conflicts = Counter(
            "modelberth_activator_port_conflicts", "Doors that found their port taken.", registry=registry
        )
        for outcome in OUTCOMES:
            self._requests.labels(outcome)
        self._in, self._out = self._bytes.labels("in"), self._bytes.labels("out")

    def woken(self, key: Key) -> None:
        self._woken.labels(*key).inc()

    def forget(self, keys: Iterable[Key]) -> None:
        """Models that are no more."""
        for key in keys:
            self._woken.remove(*key)

    def rejected(self, reason: str) -> None:
        self._rejected.labels(reason).inc()

    def ended(self, outcome: str) -> None:
        self._requests.labels(outcome).inc()

    def came_in(self, size: int) -> None:
        self._in.inc(size)

    def went_out(self, size: int) -> None:
        self._out.inc(size)

    def port_conflict(self) -> None:
        self._conflicts.inc()


class _Held(Collector):
    def __init__(self, held: Mapping[Key, int]) -> None:
        self._held = held

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "modelberth_activator_held", "Requests that wait for a pod.", labels=["namespace", "name"]
        )
        for key, count in self._held.items():
            family.add_metric(key, count)
        yield family
