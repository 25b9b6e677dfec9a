"""The audit policy, judged as the API server does: the first rule that matches decides."""

from typing import Any

import pytest

from e2e.cluster import audit

OPERATOR = {"user": "system:serviceaccount:modelberth:operator", "groups": ["system:serviceaccounts:modelberth"]}
CONTROLLER = {"user": "system:serviceaccount:kube-system:deployment-controller", "groups": [audit.CONTROLLERS]}
NODE = {"user": "system:node:modelberth", "groups": ["system:nodes"]}
ADMIN = {"user": "admin", "groups": ["system:masters"]}
SCHEDULER: dict[str, Any] = {"user": "system:kube-scheduler", "groups": []}
KWOK = {"user": "system:kwok", "groups": ["system:masters"]}


def level(who: dict[str, Any], verb: str, resource: tuple[str, str] = ("", "pods")) -> str:
    for rule in audit.policy()["rules"]:
        if "nonResourceURLs" in rule:
            continue
        if "users" in rule and who["user"] not in rule["users"]:
            continue
        if "userGroups" in rule and not set(rule["userGroups"]) & set(who["groups"]):
            continue
        if "verbs" in rule and verb not in rule["verbs"]:
            continue
        if "resources" in rule and not any(
            resource[0] == entry["group"] and resource[1] in entry["resources"] for entry in rule["resources"]
        ):
            continue
        return str(rule["level"])
    return "None"


LEASES = ("coordination.k8s.io", "leases")


@pytest.mark.parametrize("verb", ["get", "list", "watch", "patch", "create", "delete"])
def test_operators_and_people_are_recorded_whole(verb: str) -> None:
    for who in (OPERATOR, ADMIN):
        assert level(who, verb) == level(who, verb, LEASES) == "Metadata"


def test_components_are_recorded_when_they_write() -> None:
    for who in (CONTROLLER, NODE, SCHEDULER):
        assert level(who, "patch") == "Metadata"
        assert level(who, "watch") == "None"


def test_signs_of_life_are_left_out() -> None:
    for who in (CONTROLLER, NODE, SCHEDULER):
        assert level(who, "update", LEASES) == "None"


def test_simulated_nodes_are_left_out() -> None:
    assert level(KWOK, "patch") == "None"


def test_one_line_a_request() -> None:
    assert audit.policy()["omitStages"] == ["RequestReceived", "ResponseStarted"]
