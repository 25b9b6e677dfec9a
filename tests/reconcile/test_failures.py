"""Every way in which pods fail ends with one stable reason, and with as few writes as there were news."""

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.manifests.names import FETCH, RELAY
from modelberth.reconcile.checks.case import STEADY_S
from modelberth.reconcile.checks.health import PATIENCE_S
from tests.fakes.clock import moment
from tests.fakes.cluster import Cluster
from tests.fakes.pods import answering, container, ended, fetched, loading, status, unschedulable, waiting
from tests.fakes.resources import KEY, model_deployment

STATUS = f"{KIND}/status"
PULL = 'rpc error: code = NotFound desc = failed to pull and unpack image "ghcr.io/acme/engine:nope": not found'
BACK_OFF = 'Back-off pulling image "ghcr.io/acme/engine:nope"'


@pytest.fixture
async def starting(cluster: Cluster) -> Cluster:
    """Pods are there; nothing of them has run."""
    await cluster.create(model_deployment(replicas=2))
    cluster.workload().start()
    await cluster.settle(60)
    cluster.kube.forget_writes()
    return cluster


async def tell(cluster: Cluster, *pod_status: Any) -> None:
    """The pods' statuses, one after the other."""
    for one in pod_status:
        cluster.workload().set(one)
        await cluster.settle(10)


@pytest.mark.parametrize(
    "back_off", [BACK_OFF, f"{BACK_OFF}: ErrImagePull: {PULL}"], ids=["hides the error", "wraps the error"]
)
async def test_an_image_pull_that_flaps_is_one_write(starting: Cluster, back_off: str) -> None:
    error = status(container(image="ghcr.io/acme/engine:nope", state=waiting("ErrImagePull", PULL)))
    again = status(container(image="ghcr.io/acme/engine:nope", state=waiting("ImagePullBackOff", back_off)))
    await tell(starting, *[error, again] * 10)
    assert starting.state() in (("False", "ImagePullFailed"), ("Unknown", "ImagePullFailed"))
    assert starting.state("Stalled") == ("True", "ImagePullFailed")
    assert "not found" in starting.condition("Stalled")["message"]
    assert starting.kube.writes == Counter({("apply", STATUS): 1})
    assert len(starting.kube.events) == 1


async def test_a_crash_loop_is_one_write_however_often_it_restarts(starting: Cluster) -> None:
    steps = []
    for count in range(1, 10):
        words = "ValueError: no such quantization"
        steps += [
            status(fetched(), container(state=ended(words), restartCount=count)),
            status(
                fetched(),
                container(
                    state=waiting("CrashLoopBackOff", f"back-off {2**count}s"),
                    lastState=ended(words),
                    restartCount=count,
                ),
            ),
            status(fetched(), container(state={"running": {}}, started=False, lastState=ended(words))),
        ]
    await tell(starting, *steps)
    assert starting.state("Stalled") == ("True", "CrashLoop")
    assert "no such quantization" in starting.condition("Ready")["message"]
    assert starting.kube.writes == Counter({("apply", STATUS): 1})


async def test_fifty_crashes_in_ever_other_words_are_one_write(starting: Cluster) -> None:
    random = Random(6)
    for count in range(50):
        words = (
            f"(EngineCore pid={random.randrange(1, 9999)}) ERROR 11-24 00:{count:02}:07 [core.py:15] at 0x{count:09x}\n"
            f"Something odd happened {random.random()} s after the start"
        )
        last = ended(words, random.choice([1, 134, 139]))
        back_off = waiting("CrashLoopBackOff", f"back-off {count}s restarting failed container=engine")
        running = {"running": {"startedAt": moment()}}
        await tell(
            starting,
            status(fetched(), container(state=last)),
            status(fetched(), container(state=back_off, lastState=last)),
            status(fetched(), container(state=running, started=False, lastState=last)),
        )
        await starting.settle(300)
    assert starting.state("Stalled") == ("True", "CrashLoop")
    assert starting.kube.writes == Counter({("apply", STATUS): 1})
    assert len(starting.kube.events) == 1


async def test_every_change_of_reason_is_one_write(starting: Cluster) -> None:
    for _ in range(10):
        killed, crashed = ended("", 137, "OOMKilled"), ended("boom")
        await tell(starting, status(fetched(), container(state=killed)), status(fetched(), container(state=crashed)))
    assert starting.kube.writes == Counter({("apply", STATUS): 20})


async def test_the_words_stay_over_a_restart_of_the_operator(starting: Cluster) -> None:
    await tell(starting, status(fetched(), container(state=ended("the first words"))))
    starting.workload().set(status(fetched(), container(state=ended("others"))))
    await starting.restart()
    assert "the first words" in starting.condition("Stalled")["message"]
    assert starting.kube.writes == Counter({("apply", STATUS): 1})


async def test_an_engine_that_stops_answering_is_told_in_time_and_once(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    silent = {**answering(), "ready": False}
    cluster.workload().set(status(fetched(), silent))
    cluster.workload().count(ready=0)
    await cluster.settle(PATIENCE_S - 1)
    assert cluster.state()[1] != "Unhealthy"
    await cluster.settle(2)
    assert cluster.state() == ("False", "Unhealthy")
    assert cluster.state("Stalled")[0] == "False"
    cluster.kube.forget_writes()
    for _ in range(5):
        cluster.wake()
        await cluster.settle(100)
    assert cluster.kube.writes == Counter()
    cluster.workload().set(status(fetched(), answering()))
    cluster.workload().count(ready=1)
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")


async def test_an_engine_that_is_slow_for_a_moment_is_not_told(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(replicas=2))
    for _ in range(3):
        cluster.workload().set(status(fetched(), {**answering(), "ready": False}), index=0)
        await cluster.settle(PATIENCE_S - 5)
        cluster.workload().set(status(fetched(), answering()), index=0)
        await cluster.settle(60)
    assert cluster.kube.writes == Counter()


async def test_an_older_revision_serves_while_the_newest_fails(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(replicas=2, rollout={"maxSurge": 1, "maxUnavailable": 0}))
    await cluster.change(engine={"type": "vLLM", "args": ["--no-such-flag"]})
    rejected = ended("vllm: error: unrecognized arguments: --no-such-flag", 2)
    cluster.workload().surge(status(fetched(), container(state=rejected)))
    await cluster.settle(10)
    assert cluster.state() == ("True", "EngineArgsRejected")
    assert cluster.state("Stalled") == ("True", "EngineArgsRejected")
    assert "--no-such-flag" in cluster.condition("Ready")["message"]


async def test_a_crash_loop_ends_when_the_engine_answers(starting: Cluster) -> None:
    await tell(starting, status(fetched(), container(state=ended("boom"))))
    assert starting.state("Stalled")[0] == "True"
    await tell(starting, status(fetched(), {**answering(), "lastState": ended("boom")}))
    starting.workload().count(ready=2)
    await starting.settle(60)
    assert starting.state() == ("True", "Serving")
    assert starting.state("Stalled")[0] == "False"


async def test_one_failing_pod_of_two_keeps_ready_true(starting: Cluster) -> None:
    workload = starting.workload()
    workload.set(status(fetched(), answering()))
    workload.set(status(fetched(), container(state=ended("boom"))), index=1)
    workload.count(ready=1)
    await starting.settle(60)
    assert starting.state() == ("True", "CrashLoop")
    assert starting.state("Stalled") == ("True", "CrashLoop")
    assert starting.state("Available")[0] == "True"


async def test_the_fetcher_says_itself_why_it_failed(starting: Cluster) -> None:
    report = json.dumps({"reason": "ModelGated", "message": "Accept the licence first."})
    await tell(starting, status(container(FETCH, state=ended(report)), phase="Pending"))
    assert starting.state("Stalled") == ("True", "ModelGated")
    assert starting.condition("Stalled")["message"] == "Accept the licence first."
    assert starting.state("WeightsReady") == ("False", "ModelGated")


@pytest.mark.parametrize("words", ["", "Killed", "[]", '{"reason": "X"}', "{broken"])
async def test_a_fetcher_that_died_without_its_report(starting: Cluster, words: str) -> None:
    await tell(starting, status(container(FETCH, state=waiting("CrashLoopBackOff"), lastState=ended(words))))
    assert starting.state("Stalled") == ("True", "DownloadFailed")
    assert starting.condition("Stalled")["message"].strip()


async def test_the_kernel_kills_the_engine(starting: Cluster) -> None:
    await tell(starting, status(fetched(), container(state=ended("", 137, "OOMKilled"))))
    assert starting.state("Stalled") == ("True", "OutOfMemory")
    assert "memory" in starting.condition("Stalled")["message"]


RELAY_RUNS = container(RELAY, ready=True, started=True, state={"running": {}})


async def test_a_relay_that_runs_is_no_step_that_is_missing(starting: Cluster) -> None:
    await tell(starting, status(fetched(), RELAY_RUNS, loading()), status(fetched(), RELAY_RUNS, answering()))
    starting.workload().count(ready=2)
    await starting.settle(60)
    assert starting.state() == ("True", "Serving")
    assert starting.state("WeightsReady") == ("True", "Complete")


async def test_a_relay_that_ends_again_and_again_is_one_write(starting: Cluster) -> None:
    words = "modelberth relay: error: the following arguments are required: --port"
    down = container(RELAY, state=waiting("CrashLoopBackOff", "back-off 20s"), lastState=ended(words, 2))
    again = {**RELAY_RUNS, "ready": False, "lastState": ended(words, 2)}
    await tell(starting, *[status(fetched(), down, answering()), status(fetched(), again, answering())] * 5)
    assert starting.state("Stalled") == ("True", "RelayFailed")
    message = starting.condition("Stalled")["message"]
    assert "The relay" in message
    assert "exit code 2" in message
    assert words in message
    assert starting.kube.writes == Counter({("apply", STATUS): 1})


async def test_the_kernel_kills_the_relay(starting: Cluster) -> None:
    await tell(starting, status(fetched(), container(RELAY, state=ended("", 137, "OOMKilled")), answering()))
    assert starting.state("Stalled") == ("True", "RelayFailed")
    assert "memory limit" in starting.condition("Stalled")["message"]


@pytest.mark.parametrize("name", [RELAY, "proxy"])
async def test_what_has_no_probe_runs_for_a_moment_and_ends_again(starting: Cluster, name: str) -> None:
    """Each time it runs the kubelet calls it ready."""
    starting.workload().set(status(fetched(), answering()))
    starting.workload().count(ready=2)
    await starting.settle(60)
    starting.kube.forget_writes()
    for count in range(1, 30):
        last = ended(f"attempt {count}", 2)
        back_off = container(name, state=waiting("CrashLoopBackOff"), lastState=last)
        starting.workload().set(status(fetched(), back_off, answering()))
        starting.workload().count(ready=0)
        await starting.settle(10)
        runs = {"running": {"startedAt": moment()}}
        starting.workload().set(status(fetched(), container(name, ready=True, state=runs, lastState=last), answering()))
        starting.workload().count(ready=2)
        await starting.settle(2)
    assert starting.state("Stalled")[0] == "True"
    # Ready was True: that it is not, and why, may be one write or two.
    assert starting.kube.writes["apply", STATUS] <= 2
    await starting.settle(STEADY_S + 1)
    assert starting.state("Stalled")[0] == "False", "now it runs"


async def test_a_relay_that_runs_again_is_no_problem(starting: Cluster) -> None:
    relay = {**RELAY_RUNS, "lastState": ended("boom")}
    await tell(starting, status(fetched(), relay, answering()))
    starting.workload().count(ready=2)
    await starting.settle(60)
    assert starting.state() == ("True", "Serving")
    assert starting.state("Stalled")[0] == "False"


async def test_an_engine_that_ended_explains_its_relay(starting: Cluster) -> None:
    relay = container(RELAY, state=ended("boom"))
    await tell(starting, status(fetched(), relay, container(state=ended("no memory"))))
    assert starting.state("Stalled") == ("True", "CrashLoop")


async def test_a_missing_secret(starting: Cluster) -> None:
    state = waiting("CreateContainerConfigError", 'secret "keys" not found')
    await tell(starting, status(fetched(), container(state=state)))
    assert starting.state("Stalled") == ("True", "ConfigMissing")
    assert "There is no Secret keys in this namespace" in starting.condition("Stalled")["message"]


async def test_no_node_is_no_stall_and_counts_of_nodes_do_not_flap_forever(starting: Cluster) -> None:
    text = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    steps = [unschedulable(f"{text} preemption: 0/3 nodes are available: {n} No victims.") for n in range(5)]
    await tell(starting, *steps)
    assert starting.state()[1] == "Unschedulable"
    assert starting.state("Stalled")[0] == "False"
    assert starting.state("Reconciling") == ("True", "Unschedulable")
    assert "needs 1 nvidia.com/gpu: 0 of 3 nodes could take it" in starting.condition("Ready")["message"]
    assert starting.kube.writes == Counter({("apply", STATUS): 1})


async def test_a_missing_claim(starting: Cluster) -> None:
    text = '0/1 nodes are available: persistentvolumeclaim "models" not found. preemption: 0/1 nodes.'
    await tell(starting, unschedulable(text))
    assert starting.state("Stalled") == ("True", "ConfigMissing")
    assert "models" in starting.condition("Stalled")["message"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('pods "llama-6d4cf56db6-{}" is forbidden: exceeded quota: gpus, requested: 1', "QuotaExceeded"),
        ('pods "llama-6d4cf56db6-{}" is forbidden: violates PodSecurity "restricted"', "PodRejected"),
    ],
)
async def test_refused_pods_are_one_write_though_their_names_change(
    cluster: Cluster, message: str, reason: str
) -> None:
    await cluster.create(model_deployment())
    cluster.kube.forget_writes()
    for name in ("aaaaa", "bbbbb", "ccccc", "x7z2q"):
        failure = {"type": "ReplicaFailure", "status": "True", "message": message.format(name)}
        cluster.workload().count(ready=0, conditions=[failure])
        await cluster.settle(10)
    assert cluster.state()[1] == reason
    assert cluster.kube.writes == Counter({("apply", STATUS): 1})


async def test_an_evicted_pod_beside_its_healthy_successor_is_no_problem(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    workload = cluster.workload()
    evicted = status(phase="Failed", reason="Evicted", message="The node was low on memory.")
    workload.set({**evicted, "containerStatuses": [container(state=ended("", 137))]})
    workload.count(ready=0, replicas=0, updatedReplicas=0)
    await cluster.settle(10)
    assert cluster.state() == ("False", "PodFailed")
    assert cluster.state("Stalled")[0] == "False"
    workload.count(ready=1)
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")


async def test_pods_that_are_being_deleted_do_not_count(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    pod = cluster.workload().pods[0]["metadata"]["name"]
    cluster.kube.edit("Pod", KEY[0], pod, lambda raw: raw["metadata"].update(deletionTimestamp="now"))
    cluster.workload().set(status(fetched(), container(state=ended("SIGTERM", 143))))
    await cluster.settle(60)
    assert cluster.kube.writes == Counter()


async def test_the_cause_is_told_before_its_consequence(starting: Cluster) -> None:
    workload = starting.workload()
    workload.set(unschedulable("0/1 nodes are available"), index=0)
    workload.set(status(fetched(), container(state=ended("boom"))), index=1)
    await starting.settle(10)
    assert starting.state("Stalled") == ("True", "CrashLoop")


async def test_a_long_last_word_is_cut_at_its_start(starting: Cluster) -> None:
    await tell(starting, status(fetched(), container(state=ended("x" * 5000 + " the cause"))))
    message = starting.condition("Stalled")["message"]
    assert "x the cause." in message
    assert len(message) < 2000


async def test_weights_are_there_once_the_engine_was_started(starting: Cluster) -> None:
    await tell(starting, status(fetched(), loading()))
    await starting.settle(60)
    starting.workload().count(ready=1)
    await starting.settle(60)
    assert starting.state("WeightsReady") == ("True", "Complete")


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (422, "InvalidSpec", 'Deployment.apps "llama" is invalid: spec.template: Required value'),
        (400, "InvalidSpec", "json: cannot unmarshal"),
        (403, "Rejected", 'admission webhook "policy" denied the request'),
        (403, "QuotaExceeded", 'deployments.apps "llama" is forbidden: exceeded quota: objects'),
    ],
)
async def test_a_child_that_the_api_server_refuses(cluster: Cluster, code: int, reason: str, message: str) -> None:
    cluster.kube.refuse("apply", "Deployment", code, message, times=-1)
    await cluster.create(model_deployment())
    assert cluster.state("Stalled") == ("True", reason)
    assert message in cluster.condition("Stalled")["message"]
    assert cluster.child("Service") is None
    await cluster.settle(600)
    assert cluster.kube.writes["apply", STATUS] == 1
    assert 8 <= cluster.kube.writes["apply", "Deployment"] <= 12  # once a minute: a quota may be raised
    cluster.kube.refusals.clear()
    await cluster.settle(61)
    await cluster.serve()
    assert cluster.state() == ("True", "Serving")
