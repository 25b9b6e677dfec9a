"""Refusals in the words of the admission plugins of Kubernetes 1.36."""

import pytest

from modelberth.reconcile.checks.admission import judged, rejected
from modelberth.reconcile.checks.case import Case

from .cases import deployment

POD = 'pods "llama-6d4cf56db6-x7z2q" is forbidden: '


@pytest.mark.parametrize(
    ("message", "reason", "who", "stalled"),
    [
        (
            POD + "exceeded quota: gpus, requested: requests.nvidia.com/gpu=2, used: requests.nvidia.com/gpu=4, "
            "limited: requests.nvidia.com/gpu=4",
            "QuotaExceeded",
            "ResourceQuota gpus",
            False,
        ),
        (POD + "failed quota: mem: must specify limits.cpu for: engine", "QuotaExceeded", "ResourceQuota mem", True),
        (
            POD + 'violates PodSecurity "restricted:latest": privileged (container "engine" must not set '
            "securityContext.privileged=true)",
            "PodRejected",
            "Pod Security restricted of this namespace",
            True,
        ),
        (
            'admission webhook "pods.policy.example.com" denied the request: no GPUs on Fridays',
            "PodRejected",
            "webhook pods.policy.example.com denies",
            True,
        ),
        (
            'Internal error occurred: failed calling webhook "pods.policy.example.com": failed to call webhook: Post '
            '"https://policy.default.svc:443/?timeout=10s": service "policy" not found',
            "PodRejected",
            "webhook pods.policy.example.com has to admit the pods and does not answer",
            False,
        ),
        (
            POD + "ValidatingAdmissionPolicy 'tidy' with binding 'tidy-all' denied request: failed expression: false",
            "PodRejected",
            "ValidatingAdmissionPolicy tidy",
            True,
        ),
        (
            POD + 'error looking up service account team-a/runner: serviceaccount "runner" not found',
            "ConfigMissing",
            "no ServiceAccount runner",
            True,
        ),
        (POD + "no PriorityClass with name urgent was found", "ConfigMissing", "no PriorityClass urgent", True),
        (POD + 'pod rejected: RuntimeClass "kata" not found', "ConfigMissing", "no RuntimeClass kata", True),
        (
            POD + "maximum memory usage per Container is 1Gi, but limit is 2Gi",
            "PodRejected",
            "LimitRange",
            True,
        ),
        ("something new", "PodRejected", "something new", True),
    ],
)
def test_who_refuses_and_why(message: str, reason: str, who: str, stalled: bool) -> None:
    found = judged(message)
    assert (found.reason, found.stalled) == (reason, stalled)
    assert who in found.message
    assert found.advice


def test_the_numbers_of_a_quota_are_told() -> None:
    numbers = "requested: pods=1, used: pods=4, limited: pods=4"
    assert numbers in judged(f"{POD}exceeded quota: few, {numbers}").message


def test_a_service_account_is_named_by_its_field() -> None:
    assert "spec.podTemplate.spec.serviceAccountName" in judged('serviceaccount "runner" not found').advice


def test_only_a_deployment_that_fails_to_make_pods_is_looked_at() -> None:
    said = {"type": "ReplicaFailure", "status": "True", "message": "no"}
    assert rejected(Case([])) is None
    assert rejected(Case([], deployment(conditions=[{**said, "status": "False"}]))) is None
    assert rejected(Case([], deployment(conditions=[{**said, "type": "Progressing"}]))) is None
    assert rejected(Case([], deployment(conditions=[said]))) is not None
