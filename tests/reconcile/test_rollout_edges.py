"""What must not be rolled back, what must, and who waits for whose upgrade."""

from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.manifests.names import FETCH
from modelberth.manifests.settings import Settings
from modelberth.reconcile.upgrades import HEARD_S
from tests.fakes.cluster import Cluster
from tests.fakes.pods import container, ended, fetched, status, waiting
from tests.fakes.resources import NAMESPACE, model_deployment
from tests.reconcile.test_rollouts import NEWER, ROLLBACK, crashed, images, template, upgraded

LOADS = status(fetched(), container(started=False, state={"running": {}}))
QUOTA = 'pods "llama-6d4cf56db6-abcde" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1'
NEXT: dict[str, Any] = {"maxModelLen": 2048}
FIX: dict[str, Any] = {"maxModelLen": 1024}


def length(cluster: Cluster) -> str:
    args = template(cluster)["spec"]["containers"][0]["args"]
    return str(args[args.index("--max-model-len") + 1])


async def test_a_fix_that_comes_while_no_operator_looks_is_tried(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(rollout=ROLLBACK))
    await cluster.change(**NEXT)
    cluster.hold()
    cluster.workload().surge(crashed())
    await cluster.change(**FIX)
    await cluster.restart()
    cluster.held = None
    await cluster.settle(60)
    assert length(cluster) == "1024"
    assert "rollout" not in cluster.status


async def test_a_fix_that_waits_for_the_hub_is_tried(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(rollout=ROLLBACK))
    await cluster.change(**NEXT)
    cluster.hub_takes(2.0)
    await cluster.change(**FIX, model={"uri": "hf://acme/model@v2"})
    cluster.workload().surge(crashed())
    await cluster.settle(60)
    assert length(cluster) == "1024"


@pytest.mark.parametrize(
    "state",
    [
        status(container(FETCH, state=ended("", 137)), container(state=waiting("PodInitializing")), phase="Pending"),
        status(fetched(), container(started=False, state=ended("", 255, "Unknown"))),
        status(container(FETCH, state=waiting("ErrImagePull", "dial tcp: i/o timeout")), phase="Pending"),
    ],
    ids=["killed-fetcher", "reboot", "registry"],
)
async def test_what_happened_once_is_not_rolled_back(cluster: Cluster, state: Any) -> None:
    await cluster.serving(model_deployment(rollout=ROLLBACK))
    before = template(cluster)
    await cluster.change(**NEXT)
    cluster.workload().surge(state)
    await cluster.settle()
    assert template(cluster) != before


async def test_a_quota_that_the_old_pod_takes_until_it_has_drained_is_not_rolled_back(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(rollout={"onFailure": "Rollback"}))
    before = template(cluster)
    await cluster.change(**NEXT)
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": QUOTA}
    cluster.workload().count(ready=0, replicas=0, updatedReplicas=0, conditions=[refused])
    await cluster.settle(10)
    assert template(cluster) != before
    assert cluster.state("Stalled")[0] == "False"


async def test_a_revision_that_answered_before_it_was_scaled_is_a_way_back(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(rollout=ROLLBACK))
    good = template(cluster)
    await cluster.change(replicas=2)
    cluster.workload().surge(LOADS)
    cluster.workload().count(ready=1)
    await cluster.settle(30)
    await cluster.change(**NEXT)
    cluster.workload().surge(crashed())
    await cluster.settle(60)
    assert template(cluster) == good


async def test_there_is_a_way_back_right_after_a_rollback(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(rollout={"onFailure": "Rollback"}))
    good = template(cluster)
    for spec in (NEXT, FIX):
        await cluster.change(**spec)
        cluster.workload().replace()
        cluster.workload().set(crashed())
        await cluster.settle()
        assert template(cluster) == good
        cluster.workload().replace()
        cluster.workload().set(LOADS)
        await cluster.settle(30)


async def test_the_status_speaks_of_the_pods_that_run(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(rollout=ROLLBACK))
    await cluster.change(model={"uri": "hf://acme/model@v2"}, engine={"type": "vLLM", "image": "x/y:v0.10.0"})
    cluster.workload().surge(crashed())
    await cluster.settle()
    cluster.workload().back()
    await cluster.settle(60)
    assert cluster.status["engine"]["image"] == template(cluster)["spec"]["containers"][0]["image"]
    assert "uri" not in cluster.status["weights"]


async def test_another_default_image_is_not_the_one_that_runs(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.settings = Settings.model_validate({"engineImages": {"vLLM": {"GPU": "vllm/vllm-openai:v0.9.0"}}})
    await cluster.restart()
    await cluster.settle(60)
    assert cluster.status["engine"]["image"] == template(cluster)["spec"]["containers"][0]["image"]


async def test_another_surge_alone_replaces_nothing_and_says_so(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    await cluster.change(rollout={"maxSurge": 1})
    assert cluster.state() == ("True", "Serving")
    cluster.workload().count(ready=1)
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")


# --- upgrades of the operator ---


async def test_an_annotation_that_is_taken_away_asks_for_nothing(cluster: Cluster) -> None:
    await upgraded(cluster, "a")
    await cluster.annotate("a", upgrade="today")
    cluster.workload("a").replace()
    await cluster.serve("a")
    cluster.settings = Settings.model_validate({"fetcher": {"image": "example.com/operator:3"}})
    await cluster.restart()
    await cluster.settle(60)
    cluster.kube.edit(KIND, NAMESPACE, "a", lambda raw: raw["metadata"]["annotations"].clear())
    await cluster.settle(60)
    assert images(cluster, "a") == ["2"]


async def test_an_upgrade_that_was_rolled_back_stops_the_others(cluster: Cluster) -> None:
    names = ("a", "b", "c")
    for name in names:
        await cluster.serving(model_deployment(name=name, rollout=ROLLBACK))
    cluster.settings = Settings.model_validate({**NEWER, "upgrade": {"maxParallel": 1}})
    await cluster.restart()
    await cluster.settle(HEARD_S + 60)
    tried = set()
    for _ in range(6):
        for name in [name for name in names if images(cluster, name) == ["2"]]:
            tried.add(name)
            cluster.workload(name).surge(crashed())
            await cluster.settle()
            cluster.workload(name).back()
        await cluster.settle(600)
    assert len(tried) == 1
    await cluster.restart()
    await cluster.settle(600)
    assert images(cluster, *names) == ["0.1.0"] * 3, "a new leader knows of it"


async def waiting_for_upgrades(cluster: Cluster) -> tuple[str, list[str]]:
    """The one that is upgraded, and those whose turn comes next."""
    names = ("a", "b", "c")
    await upgraded(cluster, *names, upgrade={"maxParallel": 1})
    await cluster.settle(HEARD_S)
    first = next(name for name in names if images(cluster, name) == ["2"])
    return first, [name for name in names if name != first]


def spoil(cluster: Cluster, name: str) -> None:
    cluster.kube.edit(KIND, NAMESPACE, name, lambda raw: raw["spec"].update(maxModelLen=-5))


@pytest.mark.parametrize("which", [0, 1])
async def test_one_that_has_become_invalid_does_not_hold_up_the_next(cluster: Cluster, which: int) -> None:
    first, others = await waiting_for_upgrades(cluster)
    spoil(cluster, others[which])
    await cluster.settle(5)
    cluster.workload(first).replace()
    await cluster.serve(first)
    await cluster.settle(600)
    assert images(cluster, others[1 - which]) == ["2"]


async def test_one_that_becomes_invalid_while_it_is_upgraded_passes_its_place_on(cluster: Cluster) -> None:
    first, others = await waiting_for_upgrades(cluster)
    spoil(cluster, first)
    await cluster.settle(5)
    cluster.workload(first).replace()
    await cluster.serve(first)
    await cluster.settle(600)
    assert images(cluster, *others).count("2") == 1
