"""What only the tenant can read is read by a pod of theirs, before any engine pod is made."""

import copy
import json
from collections import Counter
from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.planner.files import ModelFiles
from modelberth.ports.hub import HubProblem
from modelberth.reconcile.facts_pod import RETRY_S, TRANSIENT_RETRY_S
from tests.fakes.cluster import Cluster
from tests.fakes.hub import COMMIT, OTHER, not_found
from tests.fakes.pods import container, ended, status, unschedulable, waiting
from tests.fakes.resources import KEY, NAME, NAMESPACE, model_deployment, private

POD = f"{NAME}-facts"
STATUS = f"{KIND}/status"


TINY = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 1000,
    "max_position_embeddings": 8192,
}


def said(commit: str | None = COMMIT) -> dict[str, Any]:
    """The pod's status after it has read everything."""
    report = json.dumps({"commit": commit, "files": ModelFiles(TINY).encode()})
    return status(container("facts", state=ended(report, 0, "Completed")), phase="Succeeded")


def refused(reason: str, transient: bool = False) -> dict[str, Any]:
    """The pod's status after the hub refused."""
    problem = {"reason": reason, "message": "It is gated.", "transient": transient}
    return status(container("facts", state=ended(json.dumps({"problem": problem}))), phase="Failed")


async def tell(cluster: Cluster, pod_status: dict[str, Any]) -> None:
    cluster.kube.edit("Pod", NAMESPACE, POD, lambda raw: raw.update(status=pod_status))
    await cluster.settle()


@pytest.fixture
async def private_cluster(cluster: Cluster) -> Cluster:
    cluster.hub.problem = not_found()
    return cluster


async def test_a_pod_reads_before_any_engine_pod_is_made(private_cluster: Cluster) -> None:
    cluster = private_cluster
    await cluster.create(private(replicas=3))
    assert cluster.child("Pod", POD) is not None
    assert cluster.child("Deployment") is None
    assert cluster.state() == ("False", "ReadingModel")
    assert cluster.state("Stalled")[0] == "False"
    assert cluster.state("Planned")[0] == "Unknown"
    await tell(cluster, said())
    assert cluster.deployment["spec"]["replicas"] == 3
    assert COMMIT in str(cluster.deployment["spec"]["template"])
    assert cluster.status["weights"]["commit"] == COMMIT
    assert cluster.child("Pod", POD) is None
    await cluster.serve()
    await cluster.settle(600)
    assert cluster.state() == ("True", "Serving")
    assert cluster.kube.writes["create", "Pod"] == 1
    assert cluster.kube.writes["delete", "Pod"] == 1
    assert cluster.kube.writes["apply", "Deployment"] == 1
    cluster.kube.forget_writes()
    await cluster.restart()
    await cluster.settle(600)
    assert cluster.kube.writes == Counter()


async def test_a_longer_context_reads_again_and_keeps_the_commit(private_cluster: Cluster) -> None:
    cluster = private_cluster
    await cluster.create(private(gpu={"type": "NVIDIA-L4"}))
    await tell(cluster, said())
    await cluster.serve()
    before = copy.deepcopy(cluster.deployment)
    await cluster.change(maxModelLen=4096)
    assert cluster.deployment["spec"]["template"] == before["spec"]["template"]
    assert cluster.state()[0] == "True"
    await tell(cluster, said())
    assert "4096" in str(cluster.deployment["spec"]["template"])
    assert cluster.child("Pod", POD) is None


async def test_another_model_is_another_pod(private_cluster: Cluster) -> None:
    cluster = private_cluster
    await cluster.create(private())
    first = cluster.child("Pod", POD)
    assert first is not None
    await cluster.change(model={"uri": "hf://acme/other", "secretRef": {"name": "hf-token"}})
    await cluster.settle(5)
    second = cluster.child("Pod", POD)
    assert second is not None
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert "hf://acme/other" in str(second["spec"])
    await tell(cluster, said(OTHER))
    assert cluster.status["weights"] == {"uri": "hf://acme/other", "commit": OTHER, "phase": "Pending"}


@pytest.mark.parametrize(("transient", "wait"), [(False, RETRY_S), (True, TRANSIENT_RETRY_S)])
async def test_a_refusal_is_told_and_tried_again(private_cluster: Cluster, transient: bool, wait: float) -> None:
    cluster = private_cluster
    await cluster.create(private())
    await tell(cluster, refused("ModelGated", transient))
    assert cluster.state() == ("False", "ModelGated")
    assert (cluster.state("Stalled")[0] == "True") is not transient
    assert cluster.child("Deployment") is None
    cluster.kube.forget_writes()
    await cluster.settle(wait - 2)
    assert cluster.kube.writes == Counter()
    await cluster.settle(4)
    assert cluster.kube.writes["delete", "Pod"] == 1
    assert cluster.kube.writes["create", "Pod"] == 1
    await tell(cluster, said())
    assert cluster.child("Deployment") is not None


@pytest.mark.parametrize("message", ["Killed", "", "{}", '{"commit": 7}', '{"commit": "x", "files": "y"}', "[" * 9999])
async def test_a_pod_that_dies_without_a_report(private_cluster: Cluster, message: str) -> None:
    cluster = private_cluster
    await cluster.create(private())
    await tell(cluster, status(container("facts", state=ended(message, 137, "OOMKilled")), phase="Failed"))
    assert cluster.child("Deployment") is None
    assert cluster.state()[0] == "False"
    await cluster.settle(TRANSIENT_RETRY_S + 1)
    assert cluster.kube.writes["create", "Pod"] == 2


@pytest.mark.parametrize(
    ("pod_status", "reason"),
    [
        (
            status(container("facts", state=waiting("ErrImagePull", "no such image")), phase="Pending"),
            "ImagePullFailed",
        ),
        (
            status(container("facts", state=waiting("CreateContainerConfigError", 'secret "a" not found'))),
            "ConfigMissing",
        ),
        (unschedulable("0/1 nodes are available"), "Unschedulable"),
    ],
)
async def test_a_pod_that_cannot_start_says_why(
    private_cluster: Cluster, pod_status: dict[str, Any], reason: str
) -> None:
    cluster = private_cluster
    await cluster.create(private())
    await tell(cluster, pod_status)
    assert cluster.state()[1] == reason
    assert cluster.child("Deployment") is None


async def test_a_pod_that_the_api_server_refuses(private_cluster: Cluster) -> None:
    cluster = private_cluster
    cluster.kube.refuse(
        "create", "Pod", 403, "exceeded quota: compute, requested: pods=1, used: pods=9, limited: pods=9"
    )
    await cluster.create(private())
    assert cluster.state("Stalled") == ("False", "QuotaExceeded")


async def test_a_gated_repository_tells_its_commit_to_everybody_and_its_files_to_the_pod(cluster: Cluster) -> None:
    cluster.hub.unread = HubProblem("ModelGated", "Accept the licence.")
    await cluster.create(private(gpu={"type": "NVIDIA-L4"}))
    assert cluster.child("Deployment") is None
    await tell(cluster, said())
    assert cluster.state("Planned") == ("True", "Fits")
    assert cluster.child("Deployment") is not None


async def test_files_that_nothing_can_be_made_of_stall(cluster: Cluster) -> None:
    cluster.hub.unread = HubProblem("UnsupportedModel", "There are no weights.")
    await cluster.create(model_deployment(gpu={"type": "NVIDIA-L4"}))
    assert cluster.child("Deployment") is None
    assert cluster.state("Stalled") == ("True", "UnsupportedModel")


async def test_a_public_repository_with_a_secret_needs_no_pod(cluster: Cluster) -> None:
    await cluster.create(private(replicas=2))
    assert cluster.kube.writes["create", "Pod"] == 0
    assert cluster.deployment["spec"]["replicas"] == 2


CPU: dict[str, Any] = {"device": "CPU", "resources": {"limits": {"memory": "8Gi"}}}


async def test_a_claim_is_read_by_a_pod_where_there_is_a_budget_to_judge_by(cluster: Cluster) -> None:
    await cluster.create(model_deployment(model={"uri": "pvc://models/llama"}, **CPU))
    pod = cluster.child("Pod", POD)
    assert pod is not None
    assert any(volume.get("persistentVolumeClaim") for volume in pod["spec"]["volumes"])
    await tell(cluster, said(None))
    assert cluster.child("Deployment") is not None


async def test_a_claim_that_cannot_be_read_is_no_obstacle(cluster: Cluster) -> None:
    await cluster.create(model_deployment(model={"uri": "pvc://models/llama"}, **CPU))
    await tell(cluster, refused("CheckpointCorrupt"))
    assert cluster.child("Deployment") is not None
    assert cluster.state("Planned") == ("Unknown", "FactsMissing")
    assert "It is gated." in cluster.condition("Planned")["message"]
    assert cluster.child("Pod", POD) is None


async def test_a_claim_is_not_read_for_no_replicas_but_before_the_first(cluster: Cluster) -> None:
    await cluster.create(model_deployment(model={"uri": "pvc://models/llama"}, replicas=0, **CPU))
    await cluster.serve()
    assert cluster.kube.writes["create", "Pod"] == 0
    assert cluster.state() == ("True", "ScaledToZero")
    assert cluster.state("Planned") == ("Unknown", "FactsMissing")
    await cluster.change(replicas=2)
    assert cluster.child("Pod", POD) is not None
    assert cluster.deployment["spec"]["replicas"] == 0
    await tell(cluster, said(None))
    assert cluster.deployment["spec"]["replicas"] == 2
    assert cluster.state("Planned") == ("True", "Fits")
    await cluster.serve()
    template = copy.deepcopy(cluster.deployment["spec"]["template"])
    await cluster.change(replicas=0)
    await cluster.change(replicas=1)
    assert cluster.deployment["spec"]["template"] == template
    assert cluster.kube.writes["create", "Pod"] == 1


async def test_a_claim_that_cannot_be_read_keeps_no_replica_from_starting(cluster: Cluster) -> None:
    await cluster.create(model_deployment(model={"uri": "pvc://models/llama"}, replicas=0, **CPU))
    await cluster.change(replicas=1)
    await tell(cluster, refused("CheckpointCorrupt"))
    await cluster.settle(600)
    assert cluster.deployment["spec"]["replicas"] == 1
    assert cluster.kube.writes["create", "Pod"] == 1
    assert cluster.child("Pod", POD) is None


async def test_a_claim_on_a_gpu_that_nobody_named_is_served_at_once(cluster: Cluster) -> None:
    await cluster.create(model_deployment(model={"uri": "pvc://models/llama"}))
    assert cluster.kube.writes["create", "Pod"] == 0
    assert cluster.child("Deployment") is not None


async def test_a_foreign_pod_of_that_name_is_left_alone(private_cluster: Cluster) -> None:
    cluster = private_cluster
    theirs = {"metadata": {"namespace": NAMESPACE, "name": POD, "labels": {}}, "spec": {}, "status": {}}
    cluster.kube.put("Pod", theirs)
    await cluster.create(private())
    await cluster.settle(60)
    assert cluster.kube.writes["delete", "Pod"] == 0
    assert cluster.child("Deployment") is None


async def test_deleted_while_the_pod_reads(private_cluster: Cluster) -> None:
    cluster = private_cluster
    await cluster.create(private())
    writes = Counter(cluster.kube.writes)
    cluster.kube.remove(KIND, *KEY)
    await cluster.settle(600)
    assert cluster.kube.writes == writes
