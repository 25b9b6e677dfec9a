"""How far the plans are from what engines report, read from the statuses whenever somebody scrapes."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from modelberth.api.meta import KIND
from modelberth.runtime.store import Store


class PlanErrors(Collector):
    """One row per ModelDeployment whose engine was asked; a resource that goes takes its row along."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "modelberth_plan_error_percent",
            "100 x (planned - observed) / observed KV cache tokens; positive: the plan promised more than there is.",
            labels=["namespace", "name"],
        )
        for namespace, name in self._store.resources():
            resource = self._store.get(KIND, namespace, name) or {}
            error = ((resource.get("status") or {}).get("observed") or {}).get("planErrorPercent")
            if error is not None:
                family.add_metric([namespace, name], float(error))
        yield family
