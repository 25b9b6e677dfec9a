"""How the ModelDeployments are, read from their statuses whenever somebody scrapes."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from modelberth.api.meta import KIND
from modelberth.runtime.store import Store

_BYTES = (
    ("modelberth_weights_downloaded_bytes", "Bytes of the weights that are there.", "downloadedBytes"),
    ("modelberth_weights_total_bytes", "Bytes of all files of the weights.", "totalBytes"),
)


class States(Collector):
    """A row per ModelDeployment that has something to say; one that goes takes its rows along."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[GaugeMetricFamily]:
        names = ["namespace", "name"]
        ready = GaugeMetricFamily(
            "modelberth_ready", "1 where the condition Ready is True, else 0.", labels=[*names, "reason"]
        )
        newer = GaugeMetricFamily(
            "modelberth_upgrade_available", "1 where this operator would build other pods.", labels=names
        )
        sizes = [(GaugeMetricFamily(name, text, labels=names), field) for name, text, field in _BYTES]
        for key in self._store.resources():
            status = (self._store.get(KIND, *key) or {}).get("status") or {}
            for condition in status.get("conditions") or []:
                if condition["type"] == "Ready":
                    ready.add_metric([*key, condition["reason"]], float(condition["status"] == "True"))
            if (status.get("rollout") or {}).get("upgradeAvailable"):
                newer.add_metric([*key], 1.0)
            for family, field in sizes:
                value = (status.get("weights") or {}).get(field)
                if value is not None:
                    family.add_metric([*key], float(value))
        yield from (ready, newer, *(family for family, _ in sizes))
