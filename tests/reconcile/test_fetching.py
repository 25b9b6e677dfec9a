"""Downloads and prefetching as the API server sees them: how often status is written, and which pods are made."""

import asyncio
import json
from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.manifests.names import FETCH
from modelberth.ports.fetch_progress import Progress
from modelberth.reconcile.downloads import POLL_S
from tests.fakes.cluster import Cluster
from tests.fakes.fetchers import downloading
from tests.fakes.hub import not_found
from tests.fakes.pods import ADDRESS, answering, container, ended, fetched, status, waiting
from tests.fakes.resources import NAME, NAMESPACE, model_deployment

Raw = dict[str, Any]
STATUS = ("apply", f"{KIND}/status")
POD = f"{NAME}-prefetch"
FETCHING = status(container(FETCH, state={"running": {"startedAt": "2026-01-01T00:00:00Z"}}))
CACHE = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"size": "50Gi"}}
WARM: Raw = {"replicas": 0, "weights": {"cache": CACHE, "prefetch": True}}


async def fetching(cluster: Cluster, replicas: int = 1) -> None:
    """Pods whose fetchers run; writes count from here."""
    await cluster.create(model_deployment(replicas=replicas))
    cluster.workload().start()
    cluster.workload().set(FETCHING)
    await cluster.settle(60)
    cluster.kube.forget_writes()


async def test_a_download_is_one_write_in_five_seconds_and_shows_in_status(cluster: Cluster) -> None:
    await fetching(cluster)
    told: list[int] = []
    for second in range(600):
        cluster.fetchers.progress[ADDRESS] = downloading(100_000 * second, 60_000_000, 100_000)
        await cluster.settle(1)
        told.append(cluster.kube.writes[STATUS])
    assert max(later - earlier for earlier, later in zip(told, told[5:], strict=False)) == 1
    # Slower than every ten seconds nobody is kept in the dark.
    assert told[-1] >= 600 / (2 * POLL_S)
    assert cluster.status["weights"]["phase"] == "Downloading"
    assert cluster.status["weights"]["bytesPerSecond"] == 100_000
    assert 0 < cluster.status["weights"]["downloadedBytes"] < 60_000_000
    assert set(cluster.kube.writes) == {STATUS}


async def test_a_download_that_stalls_is_written_once_more(cluster: Cluster) -> None:
    await fetching(cluster)
    cluster.fetchers.progress[ADDRESS] = downloading(100)
    await cluster.settle(60)
    cluster.fetchers.progress[ADDRESS] = downloading(100, speed=0)
    await cluster.settle(60)
    cluster.kube.forget_writes()
    await cluster.settle(3600)
    assert cluster.kube.writes[STATUS] == 0
    assert cluster.status["weights"]["bytesPerSecond"] == 0


async def test_the_end_of_a_download_is_told_and_then_nothing_more(cluster: Cluster) -> None:
    await fetching(cluster)
    cluster.fetchers.progress[ADDRESS] = downloading(100)
    await cluster.settle(20)
    cluster.workload().set(status(fetched(), answering()))
    cluster.workload().count(ready=1)
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    assert cluster.status["weights"]["phase"] == "Complete"
    assert "downloadedBytes" not in cluster.status["weights"]
    cluster.kube.forget_writes()
    asked = len(cluster.fetchers.asked)
    await cluster.settle(3600)
    assert cluster.kube.writes[STATUS] == 0
    assert len(cluster.fetchers.asked) == asked


async def test_a_fetcher_that_fails_again_and_again_is_one_write(cluster: Cluster) -> None:
    await fetching(cluster)
    report = json.dumps({"reason": "HubUnreachable", "message": "The hub does not answer.", "transient": True})
    failure = ended(report)
    cluster.workload().set(status(container(FETCH, state=failure), phase="Pending"))
    await cluster.settle(20)
    assert cluster.state() == ("False", "HubUnreachable")
    assert cluster.status["weights"]["phase"] == "Failed"
    cluster.kube.forget_writes()
    for _ in range(5):
        for state in (waiting("CrashLoopBackOff"), {"running": {"startedAt": "2026-01-01T00:01:00Z"}}):
            cluster.fetchers.progress[ADDRESS] = Progress("Pending")
            cluster.workload().set(status(container(FETCH, state=state, lastState=failure), phase="Pending"))
            await cluster.settle(30)
    assert cluster.kube.writes[STATUS] == 0


async def test_a_fetcher_that_goes_on_is_no_failure_any_more(cluster: Cluster) -> None:
    await fetching(cluster)
    running = {"running": {"startedAt": "2026-01-01T00:01:00Z"}}
    killed = ended("", 137, "OOMKilled")
    cluster.workload().set(status(container(FETCH, state=running, lastState=killed), phase="Pending"))
    cluster.fetchers.progress[ADDRESS] = downloading(500)
    await cluster.settle(20)
    assert cluster.status["weights"]["phase"] == "Downloading"
    assert cluster.state("Stalled")[0] == "False"


async def test_eight_pods_of_one_cache_tell_one_story(cluster: Cluster) -> None:
    await cluster.create(model_deployment(replicas=8))
    cluster.workload().start()
    for index in range(8):
        cluster.workload().set({**FETCHING, "podIP": f"10.1.0.{index}"}, index)
        cluster.fetchers.progress[f"10.1.0.{index}"] = Progress("Waiting", 300, 1000, 10, 70)
    cluster.fetchers.progress["10.1.0.5"] = downloading(300)
    await cluster.settle(20)
    assert cluster.status["weights"]["phase"] == "Downloading"
    assert set(cluster.fetchers.asked) == {f"10.1.0.{index}" for index in range(8)}


async def test_nobody_asks_for_a_download_that_is_not_told(cluster: Cluster) -> None:
    await fetching(cluster)
    cluster.hub.problem = not_found()
    await cluster.change(model={"uri": "hf://acme/no-such-model"})
    assert cluster.state("Stalled") == ("True", "ModelNotFound")
    asked = len(cluster.fetchers.asked)
    await cluster.settle(600)
    assert len(cluster.fetchers.asked) == asked


# --- prefetching ---


def of_prefetch(state: Raw, phase: str = "Running", **more: Any) -> Raw:
    return {"phase": phase, "podIP": "10.1.0.9", "containerStatuses": [container(FETCH, state=state, **more)]}


async def tell(cluster: Cluster, pod_status: Raw) -> None:
    cluster.kube.edit("Pod", NAMESPACE, POD, lambda raw: raw.update(status=pod_status))
    await cluster.settle(20)


@pytest.fixture
async def warming(cluster: Cluster) -> Cluster:
    """The prefetching pod runs."""
    await cluster.create(model_deployment(**WARM))
    await tell(cluster, of_prefetch({"running": {"startedAt": "2026-01-01T00:00:00Z"}}))
    return cluster


async def warm(cluster: Cluster) -> None:
    report = json.dumps({"commit": "c", "files": 1, "bytes": 9})
    await tell(cluster, of_prefetch(ended(report, 0, "Completed"), "Succeeded"))


async def test_a_cache_is_warmed_and_then_at_rest(warming: Cluster) -> None:
    cluster = warming
    assert cluster.child("PersistentVolumeClaim", f"{NAME}-weights") is not None
    cluster.fetchers.progress["10.1.0.9"] = downloading(300)
    await cluster.settle(20)
    assert cluster.status["weights"]["downloadedBytes"] == 300
    await warm(cluster)
    assert cluster.status["weights"]["phase"] == "Complete"
    assert cluster.state("WeightsReady") == ("True", "Complete")
    assert cluster.state() == ("True", "ScaledToZero")
    cluster.kube.forget_writes()
    await cluster.restart()
    await cluster.settle(3600)
    assert not cluster.kube.writes


async def test_engine_pods_take_the_prefetching_ones_place(warming: Cluster) -> None:
    cluster = warming
    await warm(cluster)
    cluster.kube.forget_writes()
    await cluster.change(replicas=1)
    assert cluster.child("Pod", POD) is None
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.kube.writes["delete", "Pod"] == 1
    assert cluster.kube.writes["create", "Pod"] == 0


async def test_other_weights_are_prefetched_by_another_pod(warming: Cluster) -> None:
    cluster = warming
    await warm(cluster)
    first = cluster.child("Pod", POD)
    assert first is not None
    await cluster.change(model={"uri": "hf://acme/other"})
    await cluster.settle(20)
    second = cluster.child("Pod", POD)
    assert second is not None
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert "hf://acme/other" in str(second["spec"])
    assert cluster.status["weights"]["phase"] == "Pending"


async def test_a_prefetching_pod_that_its_node_ended_is_made_again(warming: Cluster) -> None:
    cluster = warming
    await tell(cluster, {"phase": "Failed", "reason": "Evicted"})
    assert cluster.kube.writes["create", "Pod"] == 2


async def test_a_prefetch_that_fails_is_told_like_an_engine_pods_fetch(warming: Cluster) -> None:
    cluster = warming
    report = json.dumps({"reason": "NotEnoughDisk", "message": "The volume is full.", "transient": False})
    await tell(cluster, of_prefetch(waiting("CrashLoopBackOff"), lastState=ended(report)))
    assert cluster.state() == ("False", "NotEnoughDisk")
    assert cluster.status["weights"]["phase"] == "Failed"
    await warm(cluster)
    assert cluster.state() == ("True", "ScaledToZero")


async def test_a_namespace_that_refuses_the_pod_says_so(cluster: Cluster) -> None:
    cluster.kube.refuse(
        "create",
        "Pod",
        403,
        'pods "llama-prefetch" is forbidden: violates PodSecurity "restricted:latest": hostPath',
        times=-1,
    )
    await cluster.create(model_deployment(**WARM))
    await cluster.settle(1)
    assert cluster.state() == ("False", "PodRejected")
    assert "Pod Security restricted of this namespace forbids the pods" in cluster.condition("Ready")["message"]
    cluster.kube.refusals.clear()
    await asyncio.sleep(120)
    assert cluster.child("Pod", POD) is not None
