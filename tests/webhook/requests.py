"""AdmissionReviews as the API server sends them, and a planner that says what it is told."""

import json
from typing import Any

from modelberth.api.finding import Finding
from modelberth.planner.plan import DOES_NOT_FIT, Advice, Launch, Plan
from tests.fakes.resources import model_deployment

Raw = dict[str, Any]

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
TOO_LARGE = Finding("spec.maxModelLen", "one request of 131072 tokens needs 16 GiB, 5 GiB are left", DOES_NOT_FIT)


def stored(**spec: Any) -> Raw:
    """A ModelDeployment for an L4 with what the API server adds before it asks."""
    made = model_deployment(**{"gpu": {"type": "NVIDIA-L4"}, **spec})
    made["metadata"] |= {
        "uid": "c5d3",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 1,
        "managedFields": [{"manager": "kubectl"}],
    }
    return made


def review_of(resource: Any, old: Any = None) -> Raw:
    """Creation, or with ``old`` a change."""
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": {"group": "modelberth.dev", "version": "v1alpha1", "kind": "ModelDeployment"},
            "operation": "CREATE" if old is None else "UPDATE",
            "object": resource,
            "oldObject": old,
            "dryRun": False,
        },
    }


def body_of(resource: Any, old: Any = None) -> bytes:
    return json.dumps(review_of(resource, old)).encode()


def plan_of(fits: bool | None, *findings: Finding, advice: tuple[str, ...] = ()) -> Plan:
    return Plan(
        fits=fits,
        estimated=False,
        gpus_per_replica=1,
        per_gpu=None,
        kv_cache_tokens=None,
        max_concurrency=None,
        max_model_len=None,
        launch=Launch(0.9),
        findings=findings,
        advice=tuple(Advice(change, True, 1000, 1.0) for change in advice),
    )
