"""Someone else's autoscaler: what it wrote is handed on once, and never taken back."""

from typing import Any

import pytest

from modelberth.api.meta import KIND
from tests.fakes.cluster import Cluster
from tests.fakes.resources import NAME, NAMESPACE, model_deployment

EXTERNAL = {"type": "External"}


def external(**spec: Any) -> dict[str, Any]:
    resource = model_deployment()
    resource["spec"] |= {"autoscaling": EXTERNAL, **spec}
    return resource


def hpa(cluster: Cluster, replicas: int) -> None:
    """An HPA that points at the Deployment writes its /scale."""
    cluster.kube.edit("Deployment", NAMESPACE, NAME, lambda raw: raw["spec"].update(replicas=replicas))


@pytest.mark.parametrize("replicas", [0, 1, 3])
async def test_the_first_number_is_the_specs(cluster: Cluster, replicas: int) -> None:
    await cluster.create(external(replicas=replicas))
    assert cluster.deployment["spec"]["replicas"] == replicas


async def test_a_scaler_of_the_deployment_is_never_contradicted(cluster: Cluster) -> None:
    await cluster.serving(external())
    hpa(cluster, 5)
    await cluster.settle(60)
    await cluster.change(maxModelLen=768)
    await cluster.settle(60)
    await cluster.restart()
    assert cluster.deployment["spec"]["replicas"] == 5
    assert cluster.kube.writes["apply", "Deployment"] == 1, "the change of maxModelLen"


async def test_what_a_scaler_writes_to_the_resource_is_handed_on_once(cluster: Cluster) -> None:
    await cluster.serving(external())
    await cluster.change(replicas=4)
    await cluster.settle(60)
    assert cluster.deployment["spec"]["replicas"] == 4
    assert cluster.kube.writes["apply", "Deployment"] == 1
    assert cluster.status["replicas"] == 4
    await cluster.change(replicas=0)
    cluster.workload().serve()
    await cluster.settle(60)
    assert cluster.deployment["spec"]["replicas"] == 0
    assert cluster.state() == ("True", "ScaledToZero")
    assert cluster.child("EndpointSlice", f"{NAME}-activator") is None
    assert "autoscaling" not in cluster.status


@pytest.mark.parametrize("before", [{"replicas": 3}, {"autoscaling": {"minReplicas": 3, "maxReplicas": 3}}])
async def test_the_number_stays_when_external_begins(cluster: Cluster, before: dict[str, Any]) -> None:
    resource = model_deployment()
    resource["spec"] |= before
    await cluster.serving(resource)
    cluster.kube.edit(KIND, NAMESPACE, NAME, lambda raw: raw["spec"].update(autoscaling=EXTERNAL, replicas=1))
    await cluster.settle(60)
    assert cluster.deployment["spec"]["replicas"] == 3
    await cluster.change(maxModelLen=768)
    assert cluster.deployment["spec"]["replicas"] == 3


async def test_the_specs_number_counts_again_when_external_ends(cluster: Cluster) -> None:
    await cluster.serving(external())
    hpa(cluster, 5)
    await cluster.settle(60)
    cluster.kube.edit(KIND, NAMESPACE, NAME, lambda raw: raw["spec"].pop("autoscaling"))
    await cluster.settle(60)
    assert cluster.deployment["spec"]["replicas"] == 1
    cluster.kube.edit(KIND, NAMESPACE, NAME, lambda raw: raw["spec"].update(autoscaling=EXTERNAL))
    hpa(cluster, 2)
    await cluster.settle(60)
    assert cluster.deployment["spec"]["replicas"] == 2


async def test_at_rest_nothing_is_written(cluster: Cluster) -> None:
    await cluster.serving(external(replicas=2))
    await cluster.settle(600)
    await cluster.restart()
    assert not cluster.kube.writes
