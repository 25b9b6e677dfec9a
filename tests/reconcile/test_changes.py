"""What a change of the spec writes, and what rolls pods."""

import copy
from collections import Counter
from typing import Any

import pytest

from modelberth.api.meta import KIND
from tests.fakes.cluster import Cluster
from tests.fakes.hub import COMMIT, OTHER
from tests.fakes.resources import KEY, model_deployment

STATUS = f"{KIND}/status"


def template(cluster: Cluster) -> Any:
    return copy.deepcopy(cluster.deployment["spec"]["template"])


async def test_more_replicas_are_the_deployment_a_budget_and_status(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    before, generation = template(cluster), cluster.deployment["metadata"]["generation"]
    await cluster.change(replicas=3)
    assert template(cluster) == before
    assert cluster.deployment["metadata"]["generation"] == generation + 1
    assert cluster.deployment["spec"]["replicas"] == 3
    await cluster.serve()
    await cluster.settle(60)
    children = {kind: count for kind, count in cluster.kube.writes.items() if kind != ("apply", STATUS)}
    assert children == {("apply", "Deployment"): 1, ("apply", "PodDisruptionBudget"): 1}
    assert cluster.kube.writes["apply", STATUS] <= 2
    assert not cluster.hub.asked
    assert cluster.state() == ("True", "Serving")
    assert cluster.status["readyReplicas"] == 3


async def test_back_to_one_replica_takes_the_budget_away(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(replicas=3))
    await cluster.change(replicas=1)
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.child("PodDisruptionBudget") is None
    assert cluster.kube.writes["apply", "Deployment"] == 1
    assert cluster.kube.writes["delete", "PodDisruptionBudget"] == 1
    assert cluster.status["readyReplicas"] == 1


async def test_scaled_to_zero_is_ready(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    await cluster.change(replicas=0)
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.state() == ("True", "ScaledToZero")
    assert cluster.state("Reconciling")[0] == "False"
    assert cluster.state("Available")[0] == "False"
    assert cluster.deployment["spec"]["replicas"] == 0


async def test_a_longer_context_is_one_apply_and_the_same_commit(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(replicas=2))
    cluster.hub.head = OTHER
    await cluster.change(maxModelLen=4096)
    workload = cluster.workload()
    assert cluster.kube.writes == Counter({("apply", "Deployment"): 1, ("apply", STATUS): 1})
    workload.count(ready=1, updatedReplicas=1)
    await cluster.settle()
    assert cluster.state() == ("True", "Updating")
    assert cluster.state("Reconciling") == ("True", "Updating")
    workload.replace()
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    assert cluster.status["weights"]["commit"] == COMMIT
    assert COMMIT in str(template(cluster))
    assert cluster.kube.writes["apply", "Deployment"] == 1
    assert not cluster.hub.asked


async def test_while_the_deployment_controller_lags_the_old_counts_are_not_believed(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    await cluster.change(maxModelLen=4096)
    assert cluster.state("Reconciling")[0] == "True"
    assert cluster.condition("Ready")["observedGeneration"] == 2


async def test_another_model_is_another_commit(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.hub.heads["acme/other"] = OTHER
    await cluster.change(model={"uri": "hf://acme/other"})
    assert cluster.status["weights"] == {"uri": "hf://acme/other", "commit": OTHER, "phase": "Pending"}
    assert OTHER in str(template(cluster))
    assert cluster.kube.writes["apply", "Deployment"] == 1


async def test_another_revision_of_the_same_repository_is_another_commit(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.hub.head = OTHER
    await cluster.change(model={"uri": "hf://acme/model@v2"})
    assert cluster.hub.asked == [("acme/model", "v2")]
    assert OTHER in str(template(cluster))


async def test_while_the_hub_is_asked_about_the_new_model_the_old_one_serves_on(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    before = template(cluster)
    cluster.hub_takes(10)
    await cluster.change(model={"uri": "hf://acme/other"})
    await cluster.settle(5)
    assert template(cluster) == before
    assert cluster.state() == ("True", "ResolvingModel")
    assert cluster.state("Reconciling")[0] == "True"
    await cluster.settle(10)
    assert template(cluster) != before


async def test_what_the_hub_says_later_rolls_nothing(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.hub.head = OTHER
    cluster.wake()
    await cluster.settle(600)
    await cluster.restart()
    assert cluster.kube.writes == Counter()


async def test_facts_of_the_config_are_kept_over_a_change_that_needs_none(cluster: Cluster) -> None:
    config = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    cluster.hub.configs["acme/model"] = config
    sglang = model_deployment(engine={"type": "SGLang"}, device="CPU", resources={"limits": {"memory": "4Gi"}})
    await cluster.serving(sglang)
    before = template(cluster)
    cluster.hub.configs["acme/model"] = {**config, "num_hidden_layers": 4}
    await cluster.change(replicas=2)
    assert template(cluster) == before
    await cluster.change(maxModelLen=512)
    assert not cluster.hub.asked
    tokens = before["spec"]["containers"][0]["args"]
    assert set(tokens) - set(template(cluster)["spec"]["containers"][0]["args"]) == set()


async def test_an_invalid_spec_leaves_the_older_revision_serving(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    children = copy.deepcopy([cluster.child("Deployment"), cluster.child("Service")])
    url, commit = cluster.status["url"], cluster.status["weights"]
    await cluster.change(quantization="nonsense")
    assert [cluster.child("Deployment"), cluster.child("Service")] == children
    assert cluster.state() == ("True", "InvalidSpec")
    assert cluster.state("Stalled") == ("True", "InvalidSpec")
    assert cluster.state("Reconciling")[0] == "False"
    assert "quantization" in cluster.condition("Stalled")["message"]
    assert (cluster.status["url"], cluster.status["weights"]) == (url, commit)
    assert cluster.kube.writes == Counter({("apply", STATUS): 1})
    assert [event["type"] for event in cluster.kube.events] == ["Warning"]
    await cluster.change(quantization="auto")
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    assert cluster.state("Stalled")[0] == "False"
    assert [cluster.child("Deployment"), cluster.child("Service")] == children


async def test_an_invalid_spec_from_the_start_has_no_children(cluster: Cluster) -> None:
    await cluster.create(model_deployment(quantization="nonsense"))
    assert cluster.state() == ("False", "InvalidSpec")
    assert cluster.state("Stalled") == ("True", "InvalidSpec")
    assert {at[0] for at in cluster.kube.objects} == {KIND}
    await cluster.settle(3600)
    assert cluster.kube.writes == Counter({("apply", STATUS): 1})


async def test_two_changes_at_once_are_one_apply(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    for length in (1024, 2048, 4096):
        cluster.kube.edit(KIND, *KEY, lambda raw, length=length: raw["spec"].update(maxModelLen=length))  # type: ignore[misc]
    await cluster.settle()
    assert cluster.kube.writes["apply", "Deployment"] == 1
    assert "4096" in str(template(cluster))


@pytest.mark.parametrize("field", ["labels", "annotations"])
async def test_labels_and_annotations_of_the_resource_cost_nothing(cluster: Cluster, field: str) -> None:
    await cluster.serving(model_deployment())
    cluster.kube.edit(KIND, *KEY, lambda raw: raw["metadata"].update({field: {"team": "a"}}))
    await cluster.settle(60)
    assert cluster.kube.writes == Counter()
