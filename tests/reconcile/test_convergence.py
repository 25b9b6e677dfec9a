"""Whatever happens in whatever order, and however late the watches tell it: the same children, the truth, and rest."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from modelberth.manifests.names import MANAGED_BY
from tests.fakes.clock import run_virtually
from tests.fakes.cluster import Cluster, Told
from tests.fakes.pods import answering, container, ended, fetched, loading, status, unschedulable, waiting
from tests.fakes.resources import KEY, model_deployment

PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""No shrinking: a story is read as it is, and shrinking one takes minutes."""

POD_STATES = [
    status(phase="Pending"),
    unschedulable("0/1 nodes are available: 1 Insufficient nvidia.com/gpu."),
    status(container(state=waiting("ErrImagePull", "not found"))),
    status(container(state=waiting("ImagePullBackOff", 'Back-off pulling image "engine:1"'))),
    status(fetched(), loading()),
    status(fetched(), answering()),
    status(fetched(), container(state=ended("boom"), restartCount=1)),
    status(phase="Failed", reason="Evicted", message="low on memory"),
]

SPECS: list[dict[str, Any]] = [
    {"maxModelLen": 1024},
    {"maxModelLen": 4096},
    {"replicas": 0},
    {"replicas": 1},
    {"replicas": 3},
    {"quantization": "awq"},
    {"quantization": "nonsense"},
    {"model": {"uri": "hf://acme/other"}},
    {"model": {"uri": "pvc://models/llama"}},
]


@dataclass(frozen=True)
class Step:
    """One thing that happens, and how the watches behave after it."""

    what: str
    choice: int
    settle: float


STEPS = st.builds(
    Step,
    what=st.sampled_from(["spec", "pods", "start", "count", "edit", "unlabel", "delete", "restart", "hold", "release"]),
    choice=st.integers(0, 100),
    settle=st.sampled_from([0.0, 0.01, 7.0, 100.0]),
)


def scrambled(seed: int) -> Any:
    """Any order, and some of it twice."""

    def order(told: list[Told]) -> list[Told]:
        rng = random.Random(seed)
        again = [one for one in told if rng.random() < 0.3]
        return rng.sample(told + again, len(told) + len(again))

    return order


async def take(cluster: Cluster, step: Step) -> None:
    match step.what:
        case "spec":
            await cluster.change(**SPECS[step.choice % len(SPECS)])
        case "restart":
            await cluster.restart()
        case "hold" if cluster.held is None:
            cluster.hold()
        case "release":
            await cluster.release(scrambled(step.choice))
        case "unlabel" | "delete":
            meddle(cluster, step)
        case _ if cluster.child("Deployment") is not None:
            work(cluster, step)
    await cluster.settle(step.settle)


def meddle(cluster: Cluster, step: Step) -> None:
    """Somebody spoils a child."""
    kind = ("Deployment", "Service", "PodDisruptionBudget")[step.choice % 3]
    if cluster.child(kind) is None:
        return
    if step.what == "delete":
        cluster.kube.remove(kind, *KEY)
    else:
        cluster.kube.edit(kind, *KEY, lambda raw: raw["metadata"]["labels"].pop(MANAGED_BY, None))


def work(cluster: Cluster, step: Step) -> None:
    """The Deployment, its controller and the kubelet."""
    workload = cluster.workload()
    match step.what:
        case "pods" if workload.pods:
            workload.set(POD_STATES[step.choice % len(POD_STATES)], index=step.choice % len(workload.pods))
        case "start":
            workload.start()
        case "count":
            workload.count(ready=step.choice % (len(workload.pods) + 1))
        case "edit":
            cluster.kube.edit("Deployment", *KEY, lambda raw: raw["spec"].update(replicas=step.choice))


def invalid(step: Step) -> bool:
    """Under an invalid spec the last valid one serves on, and late news never told of that one."""
    return step.what == "spec" and SPECS[step.choice % len(SPECS)] == {"quantization": "nonsense"}


def essence(raw: Any) -> Any:
    """What the operator decides of an object: not versions, owners' uids, or what the controllers wrote."""
    return None if raw is None else (raw["spec"], raw["metadata"]["labels"])


@given(steps=st.lists(STEPS, max_size=14), seed=st.integers(0, 1000))
@settings(max_examples=50, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_any_story_ends_at_rest_with_the_children_that_the_spec_asks_for(steps: list[Step], seed: int) -> None:
    async def scenario() -> None:
        cluster = Cluster()
        await cluster.create(model_deployment())
        for step in steps:
            await take(cluster, step)
        await cluster.release(scrambled(seed))
        cluster.wake()  # the resync, which also finds what no watch can tell
        await cluster.settle(1000)
        cluster.kube.forget_writes()
        cluster.wake()
        await cluster.settle(1000)
        assert cluster.kube.writes == Counter(), "not at rest"
        told = cluster.status
        await cluster.restart()
        await cluster.settle(1000)
        assert cluster.kube.writes == Counter(), "another operator sees it otherwise"
        assert cluster.status == told
        spec = cluster.resource()["spec"]
        if spec.get("quantization") == "nonsense":
            assert cluster.state("Stalled") == ("True", "InvalidSpec")
            return
        fresh = Cluster()
        await fresh.create({**model_deployment(), "spec": spec})
        for kind in ("Deployment", "Service", "PodDisruptionBudget"):
            assert essence(cluster.child(kind)) == essence(fresh.child(kind)), kind

    run_virtually(scenario())


@given(steps=st.lists(STEPS, max_size=10), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_late_and_scrambled_news_end_where_prompt_news_end(steps: list[Step], seed: int) -> None:
    """The last word of every object counts, in whatever order the words arrive."""
    quick = [step for step in steps if step.what in ("spec", "pods", "start", "count") and not invalid(step)]

    async def story(late: bool) -> Any:
        cluster = Cluster()
        await cluster.create(model_deployment())
        cluster.workload().start()
        await cluster.settle()
        if late:
            cluster.hold()
        for step in quick:
            await take(cluster, Step(step.what, step.choice, 0.0))
        await cluster.release(scrambled(seed))
        # Now the controllers have their say, so that both stories end with the same pods.
        if "Deployment" in {at[0] for at in cluster.kube.objects}:
            cluster.workload().serve()
        await cluster.settle(1000)
        conditions = [(one["type"], one["status"], one["reason"]) for one in cluster.status["conditions"]]
        deployment = cluster.child("Deployment")
        assert deployment is not None
        return conditions, cluster.status["readyReplicas"], deployment["spec"]

    assert run_virtually(story(late=True)) == run_virtually(story(late=False))
