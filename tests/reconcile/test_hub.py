"""What the hub says decides whether pods are made: private repositories, missing ones, a hub that is away."""

import copy
from collections import Counter

from modelberth.api.meta import KIND
from modelberth.ports.hub import HubProblem
from tests.fakes.cluster import Cluster
from tests.fakes.hub import COMMIT, OTHER, not_found, unreachable
from tests.fakes.pods import answering, fetched, loading, status
from tests.fakes.resources import KEY, NAME, NAMESPACE, model_deployment, private

PIN = f"{NAME}-weights"


async def test_a_private_repository_is_resolved_by_its_first_pod(cluster: Cluster) -> None:
    cluster.hub.problem = not_found()
    await cluster.create(private(replicas=3))
    workload = cluster.workload()
    assert cluster.deployment["spec"]["replicas"] == 1
    assert cluster.child("ConfigMap", PIN) is None
    before = copy.deepcopy(cluster.deployment["spec"]["template"])
    workload.start()
    workload.set(status(fetched(), loading()))
    await cluster.settle()
    pin = cluster.child("ConfigMap", PIN)
    assert pin is not None
    assert pin["data"] == {"commit": COMMIT}
    assert cluster.deployment["spec"]["replicas"] == 3
    assert cluster.status["weights"]["commit"] == COMMIT
    await cluster.serve()
    await cluster.settle(600)
    assert cluster.deployment["spec"]["template"] == before
    assert cluster.state() == ("True", "Serving")
    assert cluster.kube.writes["apply", "ConfigMap"] == 1
    assert cluster.kube.writes["apply", "Deployment"] == 2


async def test_the_pin_is_there_before_the_other_replicas(cluster: Cluster) -> None:
    cluster.hub.problem = not_found()
    await cluster.create(private(replicas=2))
    cluster.workload().start()
    cluster.kube.refuse("apply", "ConfigMap", 500, times=1)
    cluster.workload().set(status(fetched(), loading()))
    await cluster.settle()
    assert cluster.deployment["spec"]["replicas"] == 1
    await cluster.settle(5)
    assert cluster.deployment["spec"]["replicas"] == 2


async def test_the_pin_outlives_its_pod_and_a_restart(cluster: Cluster) -> None:
    cluster.hub.problem = not_found()
    await cluster.create(private(replicas=2))
    cluster.workload().start()
    cluster.workload().set(status(fetched(), loading()))
    await cluster.settle()
    workload = cluster.workload()
    before = copy.deepcopy(cluster.deployment["spec"]["template"])
    workload.start()
    workload.set(status(fetched(OTHER), answering()))
    await cluster.settle()
    cluster.kube.forget_writes()
    await cluster.restart()
    await cluster.change(replicas=3)
    pin = cluster.child("ConfigMap", PIN)
    assert pin is not None
    assert pin["data"] == {"commit": COMMIT}
    assert cluster.deployment["spec"]["template"] == before
    assert cluster.deployment["spec"]["replicas"] == 3


async def test_a_private_repository_that_becomes_public_rolls_nothing(cluster: Cluster) -> None:
    cluster.hub.problem = not_found()
    await cluster.create(private())
    cluster.workload().start()
    cluster.workload().set(status(fetched(), answering()))
    await cluster.settle()
    before = copy.deepcopy(cluster.deployment["spec"]["template"])
    cluster.hub.problem, cluster.hub.head = None, OTHER
    await cluster.settle(600)
    await cluster.restart()
    await cluster.change(replicas=2)
    assert cluster.deployment["spec"]["template"] == before


async def test_another_model_forgets_the_pinned_commit(cluster: Cluster) -> None:
    cluster.hub.problem = not_found()
    await cluster.create(private())
    workload = cluster.workload()
    workload.start()
    workload.set(status(fetched(), answering()))
    await cluster.settle()
    await cluster.change(model={"uri": "hf://acme/other", "secretRef": {"name": "hf-token"}})
    assert "commit" not in cluster.status["weights"]
    assert cluster.child("ConfigMap", PIN) is None  # else the new fetcher would look for the old model's commit
    workload.replace()
    workload.set(status(fetched(OTHER), answering()))
    await cluster.settle()
    pin = cluster.child("ConfigMap", PIN)
    assert pin is not None
    assert pin["data"] == {"commit": OTHER}


async def test_a_public_repository_with_a_secret_needs_no_pin(cluster: Cluster) -> None:
    await cluster.create(private(replicas=2))
    await cluster.serve()
    assert cluster.deployment["spec"]["replicas"] == 2
    assert cluster.child("ConfigMap", PIN) is None


async def test_a_missing_repository_makes_no_children(cluster: Cluster) -> None:
    cluster.hub.problem = not_found()
    await cluster.create(model_deployment())
    assert cluster.state() == ("False", "ModelNotFound")
    assert cluster.state("Stalled") == ("True", "ModelNotFound")
    assert cluster.state("Reconciling")[0] == "False"
    assert {at[0] for at in cluster.kube.objects} == {KIND}
    writes = Counter(cluster.kube.writes)
    await cluster.settle(3600)
    assert cluster.kube.writes == writes
    assert 5 < len(cluster.hub.asked) < 30


async def test_a_repository_that_appears_later_is_found(cluster: Cluster) -> None:
    cluster.hub.problem = not_found()
    await cluster.create(model_deployment())
    cluster.hub.problem = None
    await cluster.settle(6)
    await cluster.serve()
    assert cluster.state() == ("True", "Serving")
    assert cluster.state("Stalled")[0] == "False"


async def test_a_hub_that_is_away_is_no_stall(cluster: Cluster) -> None:
    cluster.hub.problem = unreachable()
    await cluster.create(model_deployment())
    assert cluster.state()[1] == "HubUnreachable"
    assert cluster.state("Stalled")[0] == "False"
    assert cluster.state("Reconciling") == ("True", "HubUnreachable")
    writes = Counter(cluster.kube.writes)
    await cluster.settle(900)
    assert cluster.kube.writes == writes
    cluster.hub.problem = None
    await cluster.settle(301)
    assert cluster.child("Deployment") is not None


async def test_a_hub_that_is_away_does_not_touch_what_serves(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.hub.problem = unreachable()
    await cluster.change(model={"uri": "hf://acme/other"})
    await cluster.settle(60)
    assert cluster.state() == ("True", "HubUnreachable")
    assert cluster.kube.writes["apply", "Deployment"] == 0


async def test_a_reply_that_nobody_expected_is_retried_too(cluster: Cluster) -> None:
    cluster.hub.problem = RuntimeError("boom")
    await cluster.create(model_deployment())
    assert cluster.state("Stalled")[0] == "False"
    cluster.hub.problem = None
    await cluster.settle(301)
    assert cluster.child("Deployment") is not None


async def test_a_missing_revision_stalls_even_with_a_secret(cluster: Cluster) -> None:
    cluster.hub.problem = HubProblem("RevisionNotFound", "There is no revision v9.")
    await cluster.create(private(uri="hf://acme/model@v9"))
    assert cluster.state("Stalled") == ("True", "RevisionNotFound")
    assert cluster.child("Deployment") is None


async def test_one_question_for_many_deployments_of_one_model(cluster: Cluster) -> None:
    cluster.hub_takes(1)
    for index in range(20):
        cluster.kube.put(KIND, model_deployment(name=f"same-{index}"))
    await cluster.settle(2)
    assert len(cluster.hub.asked) == 1
    assert len(cluster.kube.of("Deployment")) == 20
    assert all(one["metadata"]["namespace"] == NAMESPACE for one in cluster.kube.of("Deployment"))


async def test_deleted_while_the_hub_is_asked(cluster: Cluster) -> None:
    cluster.hub_takes(1)
    await cluster.create(model_deployment())
    cluster.kube.remove(KIND, *KEY)
    await cluster.settle(60)
    assert not cluster.kube.objects
    assert cluster.kube.writes == Counter()
