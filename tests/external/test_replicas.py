"""The audit log's lines about replicas, and their owners."""

from typing import Any

import pytest

from e2e.audit import OPERATOR
from e2e.external.replicas import HAND_ON, of_operator, owners, writes

HPA = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"


def entry(user: str, what: str, manager: str = "", **fields: Any) -> dict[str, Any]:
    resource, _, subresource = what.partition("/")
    query = f"?fieldManager={manager}&force=true" if manager else ""
    return {
        "verb": "patch",
        "user": {"username": user},
        "objectRef": {"namespace": "a", "resource": resource, **({"subresource": subresource} if subresource else {})},
        "requestURI": f"/apis/x/v1/namespaces/a/{resource}/m{query}",
        "responseStatus": {"code": 200},
        **fields,
    }


def test_writes_are_told_apart_by_who_what_and_as_whom() -> None:
    entries = [
        entry(HPA, "modeldeployments/scale"),
        entry(OPERATOR, "deployments", HAND_ON),
        entry(OPERATOR, "deployments", HAND_ON),
        entry(OPERATOR, "deployments", "modelberth"),
        entry(OPERATOR, "modeldeployments/status", "modelberth"),
    ]
    found = writes(entries, "a")
    assert found[HPA, "modeldeployments/scale", ""] == 1
    assert of_operator(found) == {("deployments", HAND_ON): 2, ("deployments", "modelberth"): 1}


@pytest.mark.parametrize(
    "other",
    [
        entry(OPERATOR, "deployments", verb="get"),
        entry(OPERATOR, "services"),
        entry(OPERATOR, "deployments", responseStatus={"code": 409}),
        entry(OPERATOR, "deployments", objectRef={"namespace": "b", "resource": "deployments"}),
    ],
)
def test_what_writes_no_replicas_here_does_not_count(other: dict[str, Any]) -> None:
    assert writes([other], "a") == {}


def test_the_operator_would_be_seen_to_write_the_scale_or_the_spec() -> None:
    found = writes([entry(OPERATOR, "modeldeployments"), entry(OPERATOR, "deployments/scale")], "a")
    assert of_operator(found) == {("modeldeployments", ""): 1, ("deployments/scale", ""): 1}


def test_owners_of_replicas_are_named() -> None:
    resource = {
        "metadata": {
            "managedFields": [
                {"manager": "modelberth", "fieldsV1": {"f:spec": {"f:template": {}}}},
                {"manager": "somebody", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:status": {}}},
            ]
        }
    }
    assert owners(resource) == {"somebody"}
