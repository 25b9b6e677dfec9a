"""What the API server sends is read, and what it is told has the form that it, kubectl and Argo CD expect."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.aio import client

from modelberth.api.finding import Finding
from modelberth.webhook.review import MAX_WARNING, MAX_WARNINGS, Raw, Verdict, answer, read_review
from tests.webhook.requests import TOO_LARGE, UID, body_of, stored

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["request", "uid", "object", "oldObject", "metadata", "spec"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


def response(verdict: Verdict) -> Raw:
    review = answer(read_review(body_of(stored())), verdict)
    assert (review["apiVersion"], review["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    made: Raw = review["response"]
    return made


def test_a_new_object_and_a_changed_one() -> None:
    new, old = stored(replicas=2), stored()
    assert read_review(body_of(new)).old is None
    read = read_review(body_of(new, old))
    assert (read.uid, read.key, read.resource, read.old) == (UID, ("team-a", "llama"), new, old)


NO_REQUESTS: list[Any] = [None, [], {}, {"uid": "1"}]
NO_RESOURCES: list[Any] = [None, [], {"metadata": {}}, {"spec": {}}]
NO_OLD_RESOURCES: list[Any] = [{}, [], {"metadata": [], "spec": {}}]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'"x"', b"\xff", b"[" * 100_000]
    + [json.dumps({"request": request}).encode() for request in NO_REQUESTS]
    + [body_of(resource) for resource in NO_RESOURCES]
    + [body_of(stored(), old) for old in NO_OLD_RESOURCES],
)
def test_anything_else_is_refused_as_a_request(body: bytes) -> None:
    with pytest.raises(ValueError, match="no AdmissionReview"):
        read_review(body)


@given(JSON)
def test_no_request_breaks_it(request: object) -> None:
    try:
        read = read_review(json.dumps(request).encode())
    except ValueError:
        return
    assert answer(read, Verdict())["response"]["allowed"] is True


def test_allowed_says_nothing_more() -> None:
    assert response(Verdict()) == {"uid": UID, "allowed": True}


def test_a_refusal_has_the_message_and_the_causes() -> None:
    two = Finding("spec.quantization", "use awq")
    made = response(Verdict((TOO_LARGE, two), advice="maxModelLen: 32768"))
    assert (made["uid"], made["allowed"]) == (UID, False)
    status = made["status"]
    assert status["message"].splitlines() == [
        f"ModelDeployment team-a/llama: {TOO_LARGE}",
        "spec.quantization: use awq",
        "fits with: maxModelLen: 32768",
    ]
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["details"]["name"] == "llama"
    assert [(cause["field"], cause["message"]) for cause in status["details"]["causes"]] == [
        ("spec.maxModelLen", TOO_LARGE.message),
        ("spec.quantization", "use awq"),
        ("spec", "fits with: maxModelLen: 32768"),
    ]


def test_a_refusal_is_a_status_of_kubernetes() -> None:
    made = response(Verdict((Finding("", "is no good"),)))["status"]
    status = client.V1Status.from_dict(made)
    assert status is not None
    assert status.details is not None
    assert status.details.causes is not None
    assert (status.code, status.reason, status.details.group) == (422, "Invalid", "modelberth.dev")
    assert status.details.causes[0].field == "spec", "kubectl would print a colon after nothing"


def test_warnings_are_short_lines() -> None:
    warnings = response(Verdict(warnings=("one\n two", "x" * 999, *"abcdefghijkl")))["warnings"]
    assert warnings[0] == "one two"
    assert len(warnings[1]) == MAX_WARNING
    assert len(warnings) == MAX_WARNINGS


@pytest.mark.parametrize(
    ("verdict", "result"),
    [(Verdict(), "allowed"), (Verdict(judged=False), "unjudged"), (Verdict((TOO_LARGE,)), "refused")],
)
def test_results(verdict: Verdict, result: str) -> None:
    assert verdict.result == result
