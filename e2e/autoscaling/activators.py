"""The activator's pods and what their metrics say."""

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from e2e.install.stage import SYSTEM, Stage

SELECTOR = "app.kubernetes.io/name=modelberth-activator"
ADMIN_PORT = 8081


@dataclass(frozen=True)
class Activators:
    """Those of the release."""

    stage: Stage

    def names(self) -> list[str]:
        """Pods that are not on their way out."""
        items = self.stage.kubectl.json("-n", SYSTEM, "get", "pods", "-l", SELECTOR)["items"]
        return [item["metadata"]["name"] for item in items if "deletionTimestamp" not in item["metadata"]]

    def sum_of(self, pod: str, sample: str, **labels: str) -> float:
        """The samples with this name (``_total`` included) and these labels, added up; 0 of none."""
        path = f"/api/v1/namespaces/{SYSTEM}/pods/{pod}:{ADMIN_PORT}/proxy/metrics"
        families = text_string_to_metric_families(self.stage.kubectl("get", "--raw", path))
        return sum(
            found.value
            for family in families
            for found in family.samples
            if found.name == f"modelberth_activator_{sample}" and labels.items() <= found.labels.items()
        )

    def each(self, sample: str, **labels: str) -> dict[str, float]:
        """``sum_of`` by pod."""
        return {pod: self.sum_of(pod, sample, **labels) for pod in self.names()}

    def total(self, sample: str, **labels: str) -> float:
        """``sum_of`` over all pods."""
        return sum(self.each(sample, **labels).values())
