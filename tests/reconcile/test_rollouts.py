"""Which revision runs: the newest, the one before after a failure, the old one after an upgrade of the operator."""

import copy
from collections import Counter
from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.manifests.deployment import rolling_update
from modelberth.manifests.names import LAST_GOOD, PODS, ROLLED_BACK
from modelberth.manifests.settings import Settings
from modelberth.reconcile.upgrades import HEARD_S
from tests.fakes.cluster import Cluster
from tests.fakes.pods import container, ended, fetched, status, waiting
from tests.fakes.resources import NAMESPACE, model_deployment
from tests.manifests.specs import deployment_of, resource

ROLLBACK = {"maxSurge": 1, "onFailure": "Rollback"}
HOLD = {"maxSurge": 1}
NEWER = {"fetcher": {"image": "example.com/operator:2"}}


def crashed(words: str = "RuntimeError: no") -> Any:
    state = waiting("CrashLoopBackOff", "back-off")
    return status(fetched(), container(started=False, state=state, lastState=ended(words)))


def template(cluster: Cluster) -> Any:
    return copy.deepcopy(cluster.deployment["spec"]["template"])


def annotations(cluster: Cluster) -> dict[str, str]:
    found: dict[str, str] = cluster.deployment["metadata"]["annotations"]
    return found


def updates(replicas: int | None, **rollout: Any) -> Any:
    found = rolling_update(deployment_of(resource({"rollout": rollout})), replicas)
    return found["maxSurge"], found["maxUnavailable"]


@pytest.mark.parametrize(
    ("replicas", "rollout", "expected"),
    [
        (1, {}, (0, 1)),  # the gap: nothing else is possible without a second GPU
        (0, {}, (0, 1)),
        (3, {}, (0, 1)),
        (2, {"maxUnavailable": 2}, (0, 1)),  # one stays
        (8, {"maxUnavailable": 3}, (0, 3)),
        (1, {"maxSurge": 1}, (1, 0)),
        (0, {"maxSurge": 1}, (1, 0)),
        (4, {"maxSurge": 1}, (1, 1)),
        (4, {"maxSurge": 2, "maxUnavailable": 0}, (2, 0)),
        (None, {"maxSurge": 1, "maxUnavailable": 2}, (1, 0)),  # someone else counts
        (None, {}, (0, 1)),
    ],
)
def test_the_last_pod_that_answers_is_not_taken_where_another_can_come_first(
    replicas: int | None, rollout: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert updates(replicas, **rollout) == expected


async def failing_update(cluster: Cluster, rollout: dict[str, Any]) -> Any:
    """A model that serves, and then gets a new revision whose pod fails beside the old one; its former template."""
    await cluster.serving(model_deployment(rollout=rollout))
    before = template(cluster)
    await cluster.change(maxModelLen=2048)
    assert template(cluster) != before
    cluster.workload().surge(crashed())
    await cluster.settle()
    return before


async def test_a_revision_that_fails_is_held_beside_the_old_one(cluster: Cluster) -> None:
    before = await failing_update(cluster, HOLD)
    assert template(cluster) != before
    ready = cluster.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "CrashLoop")
    assert "RuntimeError: no" in ready["message"]
    assert cluster.state("Stalled") == ("True", "CrashLoop")
    assert LAST_GOOD not in annotations(cluster)
    cluster.kube.forget_writes()
    await cluster.settle(600)
    assert not cluster.kube.writes


async def test_a_revision_that_fails_is_rolled_back_where_the_spec_wants_that(cluster: Cluster) -> None:
    before = await failing_update(cluster, ROLLBACK)
    assert template(cluster) == before
    assert ROLLED_BACK in annotations(cluster)
    assert LAST_GOOD not in annotations(cluster)
    cluster.workload().back()
    await cluster.settle(60)
    ready = cluster.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "CrashLoop")
    assert "RuntimeError: no" in ready["message"]
    assert "rollout.onFailure" in ready["message"]
    assert cluster.status["rollout"] == {"rolledBack": True}
    cluster.kube.forget_writes()
    await cluster.settle(600)
    assert not cluster.kube.writes
    await cluster.restart()
    await cluster.settle(600)
    assert not cluster.kube.writes
    assert template(cluster) == before


async def test_the_next_change_of_the_spec_is_tried_again(cluster: Cluster) -> None:
    before = await failing_update(cluster, ROLLBACK)
    cluster.workload().back()
    await cluster.change(maxModelLen=1024)
    assert template(cluster) != before
    assert ROLLED_BACK not in annotations(cluster)
    assert "1024" in template(cluster)["spec"]["containers"][0]["args"]
    cluster.workload().replace()
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    assert "rollout" not in cluster.status
    assert LAST_GOOD not in annotations(cluster), "a revision whose pods all answer needs no way back"


async def test_the_spec_that_ran_before_is_no_rollout(cluster: Cluster) -> None:
    before = await failing_update(cluster, ROLLBACK)
    cluster.workload().back()
    await cluster.change(maxModelLen=None)
    assert template(cluster) == before
    await cluster.settle(60)
    assert ROLLED_BACK not in annotations(cluster)
    assert cluster.state() == ("True", "Serving")


async def test_a_revision_that_failed_once_is_no_way_back(cluster: Cluster) -> None:
    """A good one, one that is still being tried, and a third: back to the first."""
    await cluster.serving(model_deployment(rollout=ROLLBACK))
    good = template(cluster)
    await cluster.change(maxModelLen=2048)
    cluster.workload().surge(status(fetched(), container(started=False, state={"running": {}})))
    await cluster.change(maxModelLen=1024)
    cluster.workload().surge(crashed())
    await cluster.settle()
    assert template(cluster) == good


async def test_a_revision_that_has_answered_is_not_rolled_back_later(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(rollout=ROLLBACK))
    await cluster.change(maxModelLen=2048)
    cluster.workload().replace()
    await cluster.serve()
    await cluster.settle(60)
    newest = template(cluster)
    cluster.workload().set(crashed())
    cluster.workload().count(ready=0)
    await cluster.settle(60)
    assert template(cluster) == newest
    assert cluster.state("Stalled") == ("True", "CrashLoop")


async def test_a_failure_of_the_old_pods_is_not_the_new_ones(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(rollout=ROLLBACK, replicas=2))
    await cluster.change(maxModelLen=2048)
    newest = template(cluster)
    cluster.workload().set(crashed(), 0)
    cluster.workload().surge(status(fetched(), container(started=False, state={"running": {}})))
    await cluster.settle(60)
    assert template(cluster) == newest


async def test_the_gap_of_a_single_replica_is_announced(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    await cluster.change(maxModelLen=2048)
    assert cluster.state() == ("True", "Updating")
    cluster.workload().replace()
    await cluster.settle(60)
    ready = cluster.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Updating")
    assert "maxSurge" in ready["message"]
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")


# --- another version of the operator ---


async def upgraded(cluster: Cluster, *names: str, **settings: Any) -> None:
    """Models that serve, and then an operator that would build other pods."""
    for name in names:
        await cluster.serving(model_deployment(name=name))
    cluster.settings = Settings.model_validate({**NEWER, **settings})
    cluster.kube.forget_writes()
    await cluster.restart()
    await cluster.settle(60)


def images(cluster: Cluster, *names: str) -> list[str]:
    found = []
    for name in names:
        spec = cluster.workload(name).deployment["spec"]["template"]["spec"]
        found.append(spec["initContainers"][0]["image"].rpartition(":")[2])
    return found


async def test_an_upgrade_of_the_operator_rolls_nothing(cluster: Cluster) -> None:
    await upgraded(cluster, "a", "b")
    assert images(cluster, "a", "b") == ["0.1.0", "0.1.0"]
    assert cluster.kube.writes == Counter({("apply", f"{KIND}/status"): 2}), "one word each that there are newer pods"
    assert cluster.resource("a")["status"]["rollout"] == {"upgradeAvailable": True}
    assert cluster.resource("a")["status"]["conditions"][0]["reason"] == "Serving"
    cluster.kube.forget_writes()
    await cluster.restart()
    await cluster.settle(600)
    assert not cluster.kube.writes


async def test_what_somebody_changed_by_hand_is_put_back_to_the_old_pods(cluster: Cluster) -> None:
    await upgraded(cluster, "a")

    def edit(raw: Any) -> None:
        raw["spec"]["template"]["spec"]["initContainers"][0]["image"] = "mine:1"
        raw["metadata"]["generation"] += 1

    cluster.kube.edit("Deployment", NAMESPACE, "a", edit)
    await cluster.settle(60)
    assert images(cluster, "a") == ["0.1.0"]


async def test_a_change_of_the_spec_brings_the_newer_pods(cluster: Cluster) -> None:
    await upgraded(cluster, "a")
    await cluster.change("a", maxModelLen=2048)
    assert images(cluster, "a") == ["2"]
    assert "rollout" not in cluster.resource("a")["status"]


async def test_a_change_of_the_number_does_not(cluster: Cluster) -> None:
    await upgraded(cluster, "a")
    await cluster.change("a", replicas=3)
    assert cluster.workload("a").deployment["spec"]["replicas"] == 3
    assert images(cluster, "a") == ["0.1.0"]


async def test_the_annotation_brings_them_once(cluster: Cluster) -> None:
    await upgraded(cluster, "a")
    await cluster.annotate("a", upgrade="today")
    assert images(cluster, "a") == ["2"]
    cluster.settings = Settings.model_validate({"fetcher": {"image": "example.com/operator:3"}})
    await cluster.restart()
    await cluster.settle(60)
    assert images(cluster, "a") == ["2"]


async def test_a_few_at_a_time_where_the_chart_says_so(cluster: Cluster) -> None:
    names = ("a", "b", "c")
    await upgraded(cluster, *names, upgrade={"maxParallel": 1})
    await cluster.settle(HEARD_S)
    for done in (1, 2, 3):
        assert images(cluster, *names).count("2") == done
        await cluster.settle(600)
        assert images(cluster, *names).count("2") == done, "the next one waits until the pods of this one answer"
        for name in [name for name in names if images(cluster, name) == ["2"]]:
            cluster.workload(name).replace()
            await cluster.serve(name)
        await cluster.settle(60)


async def test_an_upgrade_whose_pods_fail_stops_the_others(cluster: Cluster) -> None:
    await upgraded(cluster, "a", "b", upgrade={"maxParallel": 1})
    await cluster.settle(HEARD_S)
    first = next(name for name in ("a", "b") if images(cluster, name) == ["2"])
    cluster.workload(first).replace()
    cluster.workload(first).set(crashed())
    await cluster.settle(3600)
    assert sorted(images(cluster, "a", "b")) == ["0.1.0", "2"]
    await cluster.restart()
    await cluster.settle(3600)
    assert sorted(images(cluster, "a", "b")) == ["0.1.0", "2"], "a new leader knows of it"


async def test_pods_of_before_templates_were_kept_stay(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    before = template(cluster)
    cluster.kube.edit("Deployment", NAMESPACE, "llama", lambda raw: raw["metadata"]["annotations"].pop(PODS))
    cluster.settings = Settings.model_validate(NEWER)
    await cluster.restart()
    await cluster.settle(60)
    assert template(cluster) == before
    assert PODS in annotations(cluster)
