"""Built-in autoscaling from the engines' metrics to the children and the status, on a virtual clock."""

from collections import Counter
from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.manifests.names import ACTIVATOR_PORT
from modelberth.ports.activators import Peer
from modelberth.scaling.zero import SETTLED_S
from tests.fakes.cluster import Cluster
from tests.fakes.engine_metrics import vllm_loaded
from tests.fakes.pods import unschedulable
from tests.fakes.resources import KEY, NAME, NAMESPACE, model_deployment

SLICE = f"{NAME}-activator"
STATUS = f"{KIND}/status"


def scaled(**autoscaling: Any) -> dict[str, Any]:
    return model_deployment(autoscaling={"maxReplicas": 4, "targetConcurrency": 4, **autoscaling})


async def ticks(cluster: Cluster, seconds: float, every: float = 10.0) -> None:
    """The loop runs for a while, and the kubelet brings up and takes away what is asked for."""
    passed = 0.0
    while passed < seconds:
        await cluster.operator.scaler.tick()
        await cluster.settle(every)
        passed += every
        if cluster.deployment["spec"]["replicas"] != len(cluster.workload().pods):
            await cluster.serve()


def door(cluster: Cluster) -> dict[str, Any] | None:
    return cluster.child("EndpointSlice", SLICE)


async def idle(cluster: Cluster) -> None:
    """A model that was served and is at zero."""
    cluster.engines.text = vllm_loaded(0)
    await cluster.serving(scaled(minReplicas=0, idleBeforeZero="60s"))
    await ticks(cluster, 120)
    assert cluster.deployment["spec"]["replicas"] == 0
    cluster.kube.forget_writes()


async def test_load_raises_replicas_and_its_end_lowers_them(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(0)
    await cluster.serving(scaled(scaleDownDelay="60s"))
    cluster.engines.text = vllm_loaded(running=4, waiting=8)
    await ticks(cluster, 10)
    assert cluster.deployment["spec"]["replicas"] == 3
    record = cluster.status["autoscaling"]
    assert (record["desiredReplicas"], record["reason"], record["targetFrom"]) == (3, "LoadIncreased", "Spec")
    assert "12 requests" in record["message"]
    assert record["lastScaleTime"].startswith("2026")
    assert [event["reason"] for event in cluster.kube.events if event["action"] == "Scale"] == ["ScaledUp"]
    cluster.engines.text = vllm_loaded(0)
    await ticks(cluster, 120)
    assert cluster.deployment["spec"]["replicas"] == 1
    assert cluster.status["autoscaling"]["reason"] == "LoadDecreased"


async def test_at_rest_and_after_a_restart_nothing_is_written(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(running=1)
    await cluster.serving(scaled(minReplicas=0))
    await ticks(cluster, 60)
    cluster.kube.forget_writes()
    cluster.engines.text = vllm_loaded(running=2, finished=7)
    await ticks(cluster, 600)
    await cluster.restart()
    await ticks(cluster, 60)
    assert cluster.kube.writes == Counter()


async def test_a_restart_keeps_the_number_and_the_reason(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(running=12)
    await cluster.serving(scaled())
    await ticks(cluster, 10)
    cluster.engines.text = vllm_loaded(running=4)
    await ticks(cluster, 60)
    assert cluster.deployment["spec"]["replicas"] == 3
    cluster.kube.forget_writes()
    before = cluster.status["autoscaling"]
    cluster.engines.text = vllm_loaded(running=3)
    await cluster.restart()
    await ticks(cluster, 60)
    assert cluster.status["autoscaling"] == before
    assert cluster.kube.writes == Counter()


async def test_the_target_comes_from_the_plan_or_the_slots(cluster: Cluster) -> None:
    resource = model_deployment(autoscaling={"maxReplicas": 2}, maxNumSeqs=7)
    await cluster.serving(resource)
    record = cluster.status["autoscaling"]
    assert (record["targetConcurrency"], record["targetFrom"]) == (7, "MaxNumSeqs")


async def test_idle_goes_to_zero_behind_the_activator(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(0)
    await cluster.create(scaled(minReplicas=0, idleBeforeZero="60s"))
    assert door(cluster) is not None, "requests of the first start are held"
    assert cluster.deployment["spec"]["replicas"] == 1
    await cluster.serve()
    await cluster.settle(SETTLED_S + 1)
    assert door(cluster) is None
    seen: list[tuple[int, bool]] = []
    for _ in range(240):
        await ticks(cluster, 0.5, 0.5)
        state = (cluster.deployment["spec"]["replicas"], door(cluster) is not None)
        if not seen or seen[-1] != state:
            seen.append(state)
    assert seen == [(1, False), (1, True), (0, True)]
    assert cluster.state() == ("True", "ScaledToZero")
    assert "held" in cluster.condition("Ready")["message"]
    assert cluster.status["autoscaling"]["reason"] == "Idle"


async def test_a_short_request_between_two_looks_is_no_idleness(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(0)
    await cluster.serving(scaled(minReplicas=0, idleBeforeZero="60s"))
    for finished in range(30):
        cluster.engines.text = vllm_loaded(0, finished=finished)
        await ticks(cluster, 10)
    assert cluster.deployment["spec"]["replicas"] == 1


async def test_the_time_that_a_pod_loads_is_no_idleness(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(0)
    await cluster.create(scaled(minReplicas=0, idleBeforeZero="60s"))
    await cluster.operator.scaler.tick()
    for _ in range(60):
        await cluster.settle(10)
        await cluster.operator.scaler.tick()
    await cluster.serve()
    await ticks(cluster, 50)
    assert cluster.deployment["spec"]["replicas"] == 1
    await ticks(cluster, 30)
    assert cluster.deployment["spec"]["replicas"] == 0


async def test_a_pod_that_does_not_answer_is_never_idle(cluster: Cluster) -> None:
    await cluster.serving(scaled(minReplicas=0, idleBeforeZero="60s"))
    await ticks(cluster, 600)
    assert cluster.deployment["spec"]["replicas"] == 1
    assert cluster.status["autoscaling"]["reason"] == "MetricsMissing"


async def test_a_new_spec_at_zero_wakes_nobody(cluster: Cluster) -> None:
    await idle(cluster)
    await cluster.change(maxModelLen=768)
    await cluster.settle(60)
    assert cluster.state() == ("True", "ScaledToZero")
    assert not cluster.kube.events
    assert cluster.kube.writes == Counter({("apply", "Deployment"): 1, ("apply", STATUS): 1})


async def test_a_held_request_wakes_at_once(cluster: Cluster) -> None:
    await idle(cluster)
    cluster.activators.holding[KEY] = 1
    cluster.operator.scaler.held_changed(KEY)
    await cluster.settle()
    assert cluster.deployment["spec"]["replicas"] == 1
    assert cluster.state() == ("True", "Waking")
    assert door(cluster) is not None
    await cluster.serve()
    await cluster.settle(SETTLED_S + 1)
    assert door(cluster) is not None, "something is held"
    cluster.activators.holding.clear()
    cluster.operator.scaler.held_changed(KEY)
    await cluster.settle(0.1)
    assert door(cluster) is None
    assert cluster.state() == ("True", "Serving")
    assert [event["reason"] for event in cluster.kube.events] == ["ScaledUp", "Waking", "Serving"]


async def test_a_new_leader_finds_what_is_held(cluster: Cluster) -> None:
    await idle(cluster)
    await cluster.operator.stop()
    cluster.activators.holding[KEY] = 3
    await cluster.restart()
    await cluster.operator.scaler.tick()
    await cluster.settle()
    assert cluster.deployment["spec"]["replicas"] == 1


async def test_the_port_is_the_models_own_for_life(cluster: Cluster) -> None:
    for name in ("a", "b", "c"):
        resource = scaled(minReplicas=0)
        resource["metadata"]["name"] = name
        await cluster.create(resource)
    ports = [cluster.child("Service", name)["metadata"]["annotations"][ACTIVATOR_PORT] for name in "abc"]  # type: ignore[index]
    slices = [str(cluster.child("EndpointSlice", f"{name}-activator")["ports"][0]["port"]) for name in "abc"]  # type: ignore[index]
    assert len(set(ports)) == 3
    assert slices == ports
    await cluster.restart()
    again = [cluster.child("Service", name)["metadata"]["annotations"][ACTIVATOR_PORT] for name in "abc"]  # type: ignore[index]
    assert again == ports


async def test_a_port_that_somebody_claims_is_not_given_away(cluster: Cluster) -> None:
    first = scaled(minReplicas=0)
    first["metadata"] |= {"name": "a", "uid": "the-same"}
    await cluster.create(first)
    claimed = cluster.child("Service", "a")["metadata"]["annotations"][ACTIVATOR_PORT]  # type: ignore[index]
    made = cluster.child("EndpointSlice", "a-activator")
    cluster.kube.remove(KIND, NAMESPACE, "a")
    assert made is not None
    cluster.kube.put(
        "EndpointSlice", {**made, "metadata": {**made["metadata"], "name": "squatter", "ownerReferences": []}}
    )
    await cluster.settle()
    await cluster.create(first)
    assert cluster.child("Service", "a")["metadata"]["annotations"][ACTIVATOR_PORT] != claimed  # type: ignore[index]


async def test_other_activators_are_told_to_the_service(cluster: Cluster) -> None:
    await idle(cluster)
    cluster.activators.addresses = (Peer("10.1.0.9", "node-c"),)
    cluster.wake()
    await cluster.settle()
    assert [endpoint["addresses"] for endpoint in (door(cluster) or {})["endpoints"]] == [["10.1.0.9"]]
    assert cluster.kube.writes == Counter({("apply", "EndpointSlice"): 1})


async def test_without_activators_the_last_pod_stays() -> None:
    cluster = Cluster(activated=False)
    cluster.engines.text = vllm_loaded(0)
    await cluster.serving(scaled(minReplicas=0, idleBeforeZero="60s"))
    await ticks(cluster, 300)
    assert cluster.deployment["spec"]["replicas"] == 1
    assert cluster.status["autoscaling"]["reason"] == "NoActivator"
    assert door(cluster) is None


async def test_what_the_scheduler_cannot_give_is_said_and_not_asked_for_again(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(running=8)
    await cluster.serving(scaled())
    await cluster.operator.scaler.tick()
    await cluster.settle()
    assert cluster.deployment["spec"]["replicas"] == 2
    cluster.workload().start()
    cluster.workload().set(unschedulable("0/1 nodes are available: 1 Insufficient nvidia.com/gpu."), index=1)
    cluster.engines.text = vllm_loaded(running=8, waiting=40)
    for _ in range(30):
        await cluster.operator.scaler.tick()
        await cluster.settle(10)
    assert cluster.deployment["spec"]["replicas"] == 2
    assert cluster.status["autoscaling"]["reason"] == "Unschedulable"


@pytest.mark.parametrize(("change", "expected"), [({"minReplicas": 3}, 3), ({"maxReplicas": 1}, 1)])
async def test_new_bounds_hold_at_once(cluster: Cluster, change: dict[str, int], expected: int) -> None:
    cluster.engines.text = vllm_loaded(running=8)
    await cluster.serving(scaled())
    await ticks(cluster, 10)
    await cluster.change(autoscaling={"maxReplicas": 4, "targetConcurrency": 4, **change})
    assert cluster.deployment["spec"]["replicas"] == expected
    assert cluster.kube.of("Deployment")[0]["metadata"]["annotations"].keys() >= {"modelberth.dev/hash"}


async def test_autoscaling_comes_and_goes_without_a_rollout(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    template = cluster.deployment["spec"]["template"]
    await cluster.change(autoscaling={"minReplicas": 0, "maxReplicas": 2})
    assert cluster.deployment["spec"]["template"] == template
    cluster.kube.edit(KIND, NAMESPACE, NAME, lambda raw: raw["spec"].pop("autoscaling"))
    await cluster.settle(30)
    assert cluster.deployment["spec"]["template"] == template
    assert "autoscaling" not in cluster.status
    assert door(cluster) is None


async def test_a_way_to_zero_that_is_taken_back_is_no_scaling(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(0)
    await cluster.serving(scaled(minReplicas=0, idleBeforeZero="60s"))
    while door(cluster) is None:
        await ticks(cluster, 2, 2)
    assert cluster.status["autoscaling"]["desiredReplicas"] == 0
    cluster.engines.text = vllm_loaded(1)
    await ticks(cluster, 10, 2)
    assert cluster.deployment["spec"]["replicas"] == 1
    record = cluster.status["autoscaling"]
    assert (record["desiredReplicas"], record["reason"]) == (1, "Woken")
    assert "lastScaleTime" not in record
    assert not [event for event in cluster.kube.events if event["action"] == "Scale"]
