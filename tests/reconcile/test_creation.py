"""From `kubectl apply` until it serves: which children, and how many writes."""

from collections import Counter
from typing import Any

import pytest

from modelberth.api.meta import KIND
from tests.fakes.cluster import Cluster
from tests.fakes.hub import COMMIT
from tests.fakes.pods import container, fetched, loading, status
from tests.fakes.resources import KEY, NAMESPACE, model_deployment

STATUS = f"{KIND}/status"
START = {("apply", "Deployment"): 1, ("apply", "Service"): 1, ("apply", STATUS): 2}

URIS = ["hf://acme/model", "hf://acme/model@v1.0", "pvc://models/llama", "oci://ghcr.io/acme/model:1"]


@pytest.mark.parametrize("uri", URIS)
async def test_creation_until_ready_costs_the_children_and_two_status_writes(cluster: Cluster, uri: str) -> None:
    await cluster.create(model_deployment(uri))
    assert cluster.state() == ("Unknown", "Starting")
    assert cluster.state("Reconciling") == ("True", "Starting")
    await cluster.serve()
    await cluster.settle(600)
    assert cluster.kube.writes == Counter(START)
    assert cluster.state() == ("True", "Serving")
    assert cluster.state("Reconciling")[0] == "False"
    assert cluster.state("Stalled")[0] == "False"
    assert cluster.state("WeightsReady") == ("True", "Complete")
    assert cluster.status["observedGeneration"] == 1
    assert (cluster.status["replicas"], cluster.status["readyReplicas"]) == (1, 1)
    assert cluster.status["url"] == "http://llama.team-a.svc/v1"
    assert [event["reason"] for event in cluster.kube.events] == ["Serving"]


async def test_a_hub_that_takes_its_time_costs_no_more_writes_than_patience_allows(cluster: Cluster) -> None:
    cluster.hub_takes(2)
    await cluster.create(model_deployment())
    assert cluster.kube.writes == Counter()
    await cluster.settle(3)
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.kube.writes == Counter(START)


async def test_a_hub_slower_than_patience_is_told_and_blocks_nobody(cluster: Cluster) -> None:
    cluster.hub_takes(30)
    for index in range(40):
        await cluster.create(model_deployment(f"hf://acme/model-{index}", name=f"slow-{index}"))
    await cluster.create(model_deployment("pvc://models"))
    assert cluster.child("Deployment") is not None
    await cluster.settle(5)
    slow = cluster.resource("slow-3")["status"]["conditions"][0]
    assert slow["reason"] == "ResolvingModel"
    await cluster.settle(300)
    assert all(cluster.child("Deployment", f"slow-{index}") for index in range(40))


async def test_the_children_are_of_the_commit_that_the_hub_told(cluster: Cluster) -> None:
    await cluster.create(model_deployment())
    fetcher = cluster.deployment["spec"]["template"]["spec"]["initContainers"][0]
    assert fetcher["args"][-2:] == ["--revision", COMMIT]
    assert cluster.status["weights"] == {"uri": "hf://acme/model", "commit": COMMIT, "phase": "Pending"}
    assert cluster.hub.asked == [("acme/model", None)]


async def test_events_of_children_that_change_nothing_cost_nothing(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    workload = cluster.workload()
    for beat in range(50):
        workload.count(ready=1, conditions=[{"type": "Progressing", "lastUpdateTime": str(beat)}])
        workload.set({**workload.pods[0]["status"], "beat": beat})
        await cluster.settle()
    cluster.kube.edit("Service", *KEY, lambda raw: raw["metadata"].setdefault("annotations", {}).update(seen="1"))
    await cluster.settle(600)
    assert cluster.kube.writes == Counter()
    assert not cluster.kube.events


async def test_the_steps_of_a_start_are_no_writes(cluster: Cluster) -> None:
    await cluster.create(model_deployment())
    cluster.kube.forget_writes()
    workload = cluster.workload()
    workload.start()
    for step in (status(fetched(), container(state={"waiting": {"reason": "PodInitializing"}})), status(loading())):
        workload.set(step)
        await cluster.settle()
    assert cluster.kube.writes == Counter()


async def test_a_restart_over_fifty_healthy_resources_writes_nothing(cluster: Cluster) -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"replicas": 3},
        {"replicas": 0},
        {"engine": {"type": "SGLang"}},
        {"parallelism": {"tensor": 2}},
    ]
    for index in range(50):
        await cluster.create(model_deployment(URIS[index % 4], name=f"m-{index}", **kinds[index % 5]))
        await cluster.serve(f"m-{index}")
    await cluster.settle(60)
    ready = [one["status"]["conditions"][0]["status"] for one in cluster.kube.of(KIND)]
    assert ready == ["True"] * 50
    cluster.kube.forget_writes()
    cluster.hub.asked.clear()
    for _ in range(2):
        await cluster.restart()
        await cluster.settle(600)
    assert cluster.kube.writes == Counter()
    assert not cluster.kube.events
    assert not cluster.hub.asked


async def test_a_restart_in_the_middle_of_a_start_goes_on(cluster: Cluster) -> None:
    await cluster.create(model_deployment())
    await cluster.restart()
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    assert cluster.kube.writes == Counter(START)


async def test_deleting_removes_the_children_and_nothing_is_written_after(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(replicas=2))
    cluster.kube.remove(KIND, *KEY)
    await cluster.settle(600)
    assert not cluster.kube.objects
    assert cluster.kube.writes == Counter()


async def test_a_resource_that_is_being_deleted_is_left_alone(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.kube.edit(KIND, *KEY, lambda raw: raw["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"))
    cluster.kube.remove("Deployment", *KEY)
    await cluster.settle(600)
    assert cluster.kube.writes == Counter()
    assert cluster.child("Deployment") is None


async def test_deleted_and_made_again_under_the_same_name(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.kube.remove(KIND, *KEY)
    cluster.kube.put(KIND, model_deployment("pvc://models"))
    await cluster.settle()
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    owner = cluster.deployment["metadata"]["ownerReferences"][0]["uid"]
    assert owner == cluster.resource()["metadata"]["uid"]
    assert "commit" not in cluster.status["weights"]


async def test_a_child_that_somebody_deletes_comes_back(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.kube.remove("Service", *KEY)
    await cluster.settle()
    assert cluster.kube.writes == Counter({("apply", "Service"): 1})
    assert cluster.child("Service") is not None


async def test_children_are_made_in_the_namespace_of_the_resource(cluster: Cluster) -> None:
    await cluster.create(model_deployment())
    assert {at[1] for at in cluster.kube.objects} == {NAMESPACE}
