"""What the operator reports about itself, as Prometheus metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector


class Metrics:
    """One registry per process, so that tests can have their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._seconds = Histogram(
            "modelberth_reconcile_seconds",
            "Time of one reconcile.",
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=self.registry,
        )
        self._results = Counter("modelberth_reconcile", "Reconciles by result.", ["result"], registry=self.registry)
        self._depth = Gauge("modelberth_queue_depth", "ModelDeployments waiting.", registry=self.registry)
        self._calls = Counter(
            "modelberth_api_calls", "API server calls of the reconciler.", ["verb", "code"], registry=self.registry
        )
        self._call_seconds = Histogram(
            "modelberth_api_call_seconds",
            "Time of one API server call.",
            ["verb"],
            buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=self.registry,
        )
        self._watches = Counter(
            "modelberth_watch_restarts", "Watches that listed their kind again.", ["kind"], registry=self.registry
        )
        self._readings = Counter(
            "modelberth_engine_readings",
            "Questions to engines about their KV cache, by result.",
            ["result"],
            registry=self.registry,
        )
        self._scrapes = Counter(
            "modelberth_autoscaling_scrapes",
            "Questions to engine pods about their load, by result.",
            ["result"],
            registry=self.registry,
        )
        self._ticks = Histogram(
            "modelberth_autoscaling_tick_seconds",
            "Time of one look at every autoscaled ModelDeployment.",
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=self.registry,
        )
        self._objects = Gauge("modelberth_objects", "Objects in the store.", ["kind"], registry=self.registry)
        self.leads = False
        self._leader = Gauge("modelberth_leader", "1 while this replica leads.", registry=self.registry)

    def depth(self, waiting: int) -> None:
        self._depth.set(waiting)

    def reconciled(self, result: str, seconds: float) -> None:
        self._results.labels(result).inc()
        self._seconds.observe(seconds)

    def called(self, verb: str, status: int, seconds: float) -> None:
        self._calls.labels(verb, str(status or "none")).inc()
        self._call_seconds.labels(verb).observe(seconds)

    def watch_restarted(self, kind: str) -> None:
        self._watches.labels(kind).inc()

    def engine_read(self, result: str) -> None:
        self._readings.labels(result).inc()

    def scraped(self, result: str) -> None:
        self._scrapes.labels(result).inc()

    def ticked(self, seconds: float) -> None:
        self._ticks.observe(seconds)

    def objects(self, counts: dict[str, int]) -> None:
        for kind, count in counts.items():
            self._objects.labels(kind).set(count)

    def leading(self, leads: bool) -> None:
        self.leads = leads
        self._leader.set(1 if leads else 0)
