"""What the hub says decides whether pods are made: repositories that are missing, a hub that is away."""

from collections import Counter

from modelberth.api.meta import KIND
from modelberth.ports.hub import HubProblem
from tests.fakes.cluster import Cluster
from tests.fakes.hub import not_found, unreachable
from tests.fakes.resources import KEY, NAMESPACE, model_deployment, private


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
