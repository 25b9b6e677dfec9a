"""Built-in autoscaling from the engines' metrics to the children and the status, on a virtual clock."""

from collections import Counter
from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.ports.activators import Peer
from modelberth.scaling.zero import SETTLED_S
from tests.fakes.cluster import Cluster
from tests.fakes.engine_metrics import vllm_loaded
from tests.fakes.pods import unschedulable
from tests.fakes.resources import KEY, NAME, NAMESPACE, model_deployment
from tests.reconcile.test_planning import LLAMA_8B

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


def port_of(cluster: Cluster, name: str) -> int:
    """What the status says; the slice, where there is one, says the same."""
    port: int = cluster.resource(name)["status"]["autoscaling"]["activatorPort"]
    made = cluster.child("EndpointSlice", f"{name}-activator")
    assert made is None or made["ports"][0]["port"] == port
    return port


def named(name: str, **autoscaling: Any) -> dict[str, Any]:
    resource = scaled(minReplicas=0, **autoscaling)
    resource["metadata"] |= {"name": name, "uid": f"uid-of-{name}"}
    return resource


async def test_the_port_is_the_models_own_for_life(cluster: Cluster) -> None:
    for name in "abc":
        await cluster.create(named(name))
    ports = [port_of(cluster, name) for name in "abc"]
    assert len(set(ports)) == 3
    await cluster.serve("a")
    await cluster.settle(SETTLED_S + 1)
    assert cluster.child("EndpointSlice", "a-activator") is None
    await cluster.restart()
    assert [port_of(cluster, name) for name in "abc"] == ports
    await cluster.change("a", autoscaling={"minReplicas": 1, "maxReplicas": 2})
    await cluster.restart()
    assert port_of(cluster, "a") == ports[0]


async def test_a_port_that_somebody_claims_is_not_given_away(cluster: Cluster) -> None:
    await cluster.create(named("a"))
    claimed = port_of(cluster, "a")
    made = cluster.child("EndpointSlice", "a-activator")
    cluster.kube.remove(KIND, NAMESPACE, "a")
    assert made is not None
    squatter = {**made["metadata"], "name": "squatter", "ownerReferences": []}
    cluster.kube.put("EndpointSlice", {**made, "metadata": squatter})
    await cluster.settle()
    await cluster.create(named("a"))
    assert port_of(cluster, "a") != claimed


async def test_no_annotation_of_a_tenant_chooses_the_port(cluster: Cluster) -> None:
    await cluster.create(named("victim"))
    await cluster.create(named("old"))
    wanted = {"modelberth.dev/activator-port": str(port_of(cluster, "victim"))}
    for kind in ("Service", "Deployment", KIND):
        cluster.kube.edit(
            kind, NAMESPACE, "old", lambda raw: raw["metadata"].setdefault("annotations", {}).update(wanted)
        )
    await cluster.settle(60)
    await cluster.restart()
    assert port_of(cluster, "old") != port_of(cluster, "victim")


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


async def test_activators_that_are_all_away_keep_the_doors(cluster: Cluster) -> None:
    await idle(cluster)
    before = door(cluster)
    cluster.activators.addresses = ()
    cluster.wake()
    await cluster.settle()
    assert door(cluster) == before
    assert cluster.kube.writes == Counter()


async def test_without_a_ready_activator_no_pod_goes(cluster: Cluster) -> None:
    cluster.activators.addresses = ()
    cluster.engines.text = vllm_loaded(0)
    await cluster.serving(scaled(minReplicas=0, idleBeforeZero="60s"))
    await ticks(cluster, 300)
    assert cluster.deployment["spec"]["replicas"] == 1
    assert cluster.status["autoscaling"]["reason"] == "NoActivator"


async def test_a_door_that_is_lost_at_zero_is_said(cluster: Cluster) -> None:
    await idle(cluster)
    cluster.activators.addresses = ()
    cluster.kube.remove("EndpointSlice", NAMESPACE, SLICE)
    await cluster.settle()
    assert cluster.state() == ("False", "NoActivator")
    assert cluster.state("Reconciling") == ("True", "NoActivator")


async def test_an_older_revision_wakes_although_the_newest_does_not_fit(cluster: Cluster) -> None:
    cluster.hub.configs["acme/model"] = LLAMA_8B
    cluster.engines.text = vllm_loaded(0)
    resource = scaled(minReplicas=0, idleBeforeZero="60s")
    resource["spec"] |= {"gpu": {"type": "NVIDIA-L4"}, "maxModelLen": 4096}
    await cluster.serving(resource)
    await ticks(cluster, 120)
    assert cluster.deployment["spec"]["replicas"] == 0
    template = cluster.deployment["spec"]["template"]
    await cluster.change(maxModelLen=131072)
    assert cluster.state() == ("True", "DoesNotFit")
    assert cluster.status["autoscaling"]["desiredReplicas"] == 0
    cluster.activators.holding[KEY] = 1
    cluster.operator.scaler.held_changed(KEY)
    await cluster.settle()
    assert cluster.deployment["spec"]["replicas"] == 1
    await cluster.serve()
    cluster.activators.holding.clear()
    cluster.operator.scaler.held_changed(KEY)
    await cluster.settle(SETTLED_S + 1)
    assert door(cluster) is None
    await ticks(cluster, 200)
    assert cluster.deployment["spec"]["replicas"] == 0, "and sleeps again"
    assert door(cluster) is not None
    assert cluster.deployment["spec"]["template"] == template
    await cluster.change(maxModelLen=2048)
    assert cluster.deployment["spec"]["template"] != template
    assert cluster.deployment["spec"]["replicas"] == 0


@pytest.mark.parametrize("spec", [{"minReplicas": 1}, {"type": "External"}, None])
async def test_what_ends_zero_brings_the_model_up_behind_its_door(
    cluster: Cluster, spec: dict[str, Any] | None
) -> None:
    await idle(cluster)
    change = {"autoscaling": spec} if spec else {}
    cluster.kube.edit(KIND, NAMESPACE, NAME, lambda raw: raw["spec"].pop("autoscaling"))
    cluster.kube.edit(KIND, NAMESPACE, NAME, lambda raw: raw["spec"].update(change))
    await cluster.settle()
    assert cluster.deployment["spec"]["replicas"] == 1
    assert door(cluster) is not None
    await cluster.serve()
    assert door(cluster) is not None
    await cluster.settle(SETTLED_S + 1)
    assert door(cluster) is None
    assert cluster.state() == ("True", "Serving")


async def test_a_new_leader_finds_what_is_held_before_its_first_tick(cluster: Cluster) -> None:
    await idle(cluster)
    await cluster.operator.stop()
    cluster.activators.holding[KEY] = 3
    await cluster.restart()
    assert cluster.deployment["spec"]["replicas"] == 1


async def test_a_request_that_came_after_the_last_look_keeps_the_last_pod(cluster: Cluster) -> None:
    cluster.engines.text = vllm_loaded(0)
    await cluster.serving(scaled(minReplicas=0, idleBeforeZero="60s"))
    while door(cluster) is None:
        await ticks(cluster, 2, 2)
    cluster.engines.text = vllm_loaded(1)
    await cluster.settle(60)
    assert cluster.deployment["spec"]["replicas"] == 1
    assert cluster.status["autoscaling"]["reason"] == "Woken"
    assert door(cluster) is None
