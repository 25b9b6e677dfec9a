"""Objects of others, and changes that others make to ours."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.manifests.names import FROZEN, HASH, MANAGED_BY, MANAGER, OWNER_LABEL
from tests.fakes.cluster import Cluster
from tests.fakes.pods import answering, fetched, status
from tests.fakes.resources import KEY, NAME, foreign, model_deployment

STATUS = f"{KIND}/status"
OURS = {MANAGED_BY: MANAGER, OWNER_LABEL: NAME}


@pytest.mark.parametrize("labels", [{}, OURS], ids=["unseen", "labelled"])
@pytest.mark.parametrize("kind", ["Service", "Deployment", "PodDisruptionBudget"])
async def test_a_foreign_object_of_the_same_name_is_left_alone(
    cluster: Cluster, kind: str, labels: dict[str, str]
) -> None:
    theirs = copy.deepcopy(cluster.kube.put(kind, foreign(kind, labels=labels)))
    await cluster.create(model_deployment(replicas=2))
    await cluster.settle(600)
    assert cluster.child(kind) == theirs
    assert cluster.state() == ("False", "NameConflict")
    assert cluster.state("Stalled") == ("True", "NameConflict")
    assert cluster.state("Reconciling")[0] == "False"
    assert kind in cluster.condition("Stalled")["message"]
    assert cluster.kube.writes == Counter({("apply", STATUS): 1})
    assert {at[0] for at in cluster.kube.objects} == {KIND, kind}
    # Once it is gone, the work is done without anybody touching the resource.
    cluster.kube.remove(kind, *KEY)
    await cluster.settle(31)
    await cluster.serve()
    assert cluster.state() == ("True", "Serving")
    assert cluster.child(kind) is not None


async def test_a_foreign_budget_found_when_replicas_grow_stops_nothing_that_serves(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    theirs = copy.deepcopy(cluster.kube.put("PodDisruptionBudget", foreign("PodDisruptionBudget")))
    await cluster.change(replicas=2)
    await cluster.settle(60)
    assert cluster.child("PodDisruptionBudget") == theirs
    assert cluster.state() == ("True", "NameConflict")
    assert cluster.state("Stalled")[0] == "True"


async def test_a_foreign_object_that_nobody_needs_is_no_conflict(cluster: Cluster) -> None:
    theirs = copy.deepcopy(cluster.kube.put("PodDisruptionBudget", foreign("PodDisruptionBudget", labels=OURS)))
    await cluster.create(model_deployment(replicas=1))
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    assert cluster.child("PodDisruptionBudget") == theirs
    assert cluster.kube.writes["delete", "PodDisruptionBudget"] == 0


async def test_children_of_a_namesake_that_go_are_waited_for(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    old = copy.deepcopy(cluster.deployment)
    cluster.kube.remove(KIND, *KEY)
    left = cluster.kube.put("Deployment", old)
    await cluster.create(model_deployment())
    assert cluster.state()[1] == "NameConflict"
    assert cluster.state("Stalled")[0] == "False"
    assert cluster.kube.objects["Deployment", *KEY] == left
    cluster.kube.remove("Deployment", *KEY)
    await cluster.settle(31)
    assert cluster.deployment["metadata"]["ownerReferences"][0]["uid"] == cluster.resource()["metadata"]["uid"]


async def test_our_own_child_that_no_watch_told_yet_is_no_conflict(cluster: Cluster) -> None:
    cluster.hold()
    cluster.kube.put(KIND, model_deployment())
    await cluster.release()
    cluster.hold()
    cluster.operator.store._objects["Service"].clear()  # as if the answer to our apply had been lost
    cluster.wake()
    await cluster.settle()
    assert cluster.state()[1] == "Starting"
    assert cluster.kube.writes["apply", "Service"] == 1


def _containers(raw: Any) -> Any:
    return raw["spec"]["template"]["spec"]["containers"][0]


EDITS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "replicas": ("Deployment", lambda raw: raw["spec"].update(replicas=7)),
    "args": ("Deployment", lambda raw: _containers(raw)["args"].append("--seed=1")),
    "an argument gone": ("Deployment", lambda raw: _containers(raw)["args"].pop()),
    "image": ("Deployment", lambda raw: _containers(raw).update(image="evil:1")),
    "mounts a token": ("Deployment", lambda raw: raw["spec"]["template"]["spec"].pop("automountServiceAccountToken")),
    "strategy": ("Deployment", lambda raw: raw["spec"]["strategy"]["rollingUpdate"].update(maxSurge=1)),
    "another label": ("Deployment", lambda raw: raw["metadata"]["labels"].update({OWNER_LABEL: "other"})),
    "label gone": ("Deployment", lambda raw: raw["metadata"]["labels"].pop(MANAGED_BY)),
    "service label gone": ("Service", lambda raw: raw["metadata"]["labels"].pop(MANAGED_BY)),
    "digest gone": ("Deployment", lambda raw: raw["metadata"]["annotations"].pop(HASH)),
    "facts damaged": ("Deployment", lambda raw: raw["metadata"]["annotations"].update({FROZEN: "{"})),
    "owner may be orphaned": (
        "Service",
        lambda raw: raw["metadata"]["ownerReferences"][0].update(blockOwnerDeletion=False),
    ),
    "selector": ("Service", lambda raw: raw["spec"]["selector"].update({OWNER_LABEL: "other"})),
    "port": ("Service", lambda raw: raw["spec"]["ports"][0].update(targetPort=1)),
    "budget": ("PodDisruptionBudget", lambda raw: raw["spec"].update(maxUnavailable=0)),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_a_hand_edited_child_is_put_back_once(cluster: Cluster, edit: str) -> None:
    await cluster.serving(model_deployment(replicas=2))
    kind, change = EDITS[edit]
    before = copy.deepcopy(cluster.child(kind))
    assert before is not None
    cluster.kube.edit(kind, *KEY, change)
    assert cluster.child(kind) != before
    await cluster.settle()
    cluster.wake()  # where the watch cannot see it, the resync does
    await cluster.settle(600)
    after = cluster.child(kind)
    assert after is not None
    assert after["spec"] == before["spec"]
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert after["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
    assert cluster.kube.writes["apply", kind] == 1
    others = {what for what, count in cluster.kube.writes.items() if count and what[1] not in (kind, STATUS)}
    assert not others
    cluster.kube.forget_writes()
    await cluster.restart()
    await cluster.settle(600)
    assert cluster.kube.writes == Counter()


async def test_what_others_add_beside_ours_is_theirs(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.kube.edit("Deployment", *KEY, lambda raw: raw["metadata"]["labels"].update(team="a"))
    cluster.kube.edit("Deployment", *KEY, lambda raw: raw["spec"]["template"]["spec"].update(dnsPolicy="Default"))
    cluster.kube.edit("Service", *KEY, lambda raw: raw["spec"].update(internalTrafficPolicy="Local"))
    cluster.workload().count(ready=1)  # the pods were replaced: the template is theirs to change
    await cluster.settle(600)
    assert {what for verb, what in cluster.kube.writes} <= {STATUS}


async def test_values_that_the_api_server_rewrites_do_not_loop(cluster: Cluster) -> None:
    spec: dict[str, Any] = {
        "resources": {"limits": {"cpu": "4000m", "memory": "8Gi"}, "requests": {"cpu": "1000m"}},
        "podTemplate": {"spec": {"imagePullSecrets": [], "nodeSelector": {}, "hostname": None, "hostNetwork": False}},
    }
    await cluster.create(model_deployment(**spec))
    container = _containers(cluster.deployment)
    assert container["resources"]["requests"]["cpu"] == "1"  # so the server did rewrite it
    await cluster.serve()
    await cluster.settle(600)
    assert cluster.kube.writes["apply", "Deployment"] == 1
    await cluster.restart()
    cluster.workload().count(ready=1, conditions=[{"type": "Progressing"}])
    await cluster.settle(600)
    assert cluster.kube.writes["apply", "Deployment"] == 1


async def test_a_value_that_is_always_rewritten_costs_one_apply_per_operator(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rewrites(value: Any, field: str = "") -> Any:
        if field == "spec" and "template" in value:
            value["template"]["spec"]["terminationGracePeriodSeconds"] = 1
        return {name: rewrites(one, name) for name, one in value.items()} if isinstance(value, dict) else value

    monkeypatch.setattr("tests.fakes.kube.normalised", rewrites)
    await cluster.create(model_deployment())
    for beat in range(20):
        cluster.workload().count(ready=0, beat=beat)
        await cluster.settle()
    assert cluster.kube.writes["apply", "Deployment"] == 1
    await cluster.restart()
    for beat in range(20):
        cluster.workload().count(ready=0, beat=-beat)
        await cluster.settle()
    assert cluster.kube.writes["apply", "Deployment"] == 2


async def test_a_pod_of_somebody_else_with_our_name_is_not_counted(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    stray = {"metadata": {"namespace": KEY[0], "name": "llama-stray", "labels": {}}, "spec": {}, "status": {}}
    cluster.kube.put("Pod", {**stray, "status": status(fetched(), answering())})
    await cluster.settle(60)
    assert cluster.kube.writes == Counter()
