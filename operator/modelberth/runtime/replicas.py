"""How many pods the built-in autoscaling asks for, read from the statuses whenever somebody scrapes."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from modelberth.api.meta import KIND
from modelberth.runtime.store import Store

_FAMILIES = (
    ("modelberth_autoscaling_desired_replicas", "Engine pods that were decided on.", "desiredReplicas"),
    ("modelberth_autoscaling_current_replicas", "Engine pods that exist.", "currentReplicas"),
    ("modelberth_autoscaling_target_concurrency", "Requests that one pod is meant for.", "targetConcurrency"),
)


class Replicas(Collector):
    """One row per ModelDeployment that Modelberth scales; a resource that goes takes its rows along."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, text, field in _FAMILIES:
            family = GaugeMetricFamily(name, text, labels=["namespace", "name"])
            for key in self._store.resources():
                resource = self._store.get(KIND, *key) or {}
                value = ((resource.get("status") or {}).get("autoscaling") or {}).get(field)
                if value is not None:
                    family.add_metric([*key], float(value))
            yield family
